import { connect } from "node:net";

const GREETING_MS_MAX = 1_000;

/** Whether a NATS server listens there: it greets whoever connects, with or without TLS. */
export function greetsAsNats({ host, port }: { readonly host: string; readonly port: number }): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const settle = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.setTimeout(GREETING_MS_MAX, () => settle(false));
    socket.once("data", (chunk) => settle(chunk.toString("latin1").startsWith("INFO ")));
    socket.once("error", () => settle(false)).once("close", () => settle(false));
  });
}
