import { connect } from "node:net";

/** Sends one GET and resolves with the status line, or undefined when the connection fails. */
export function askOnce({
  port,
  host,
  path = "/",
}: {
  port: number;
  host: string;
  path?: string;
}): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => socket.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`));
    socket.once("data", (bytes: Buffer) => {
      resolve(bytes.toString("latin1").split("\r\n", 1)[0]);
      socket.destroy();
    });
    socket.once("error", () => resolve(undefined));
    socket.once("close", () => resolve(undefined));
  });
}
