import type { Duplex, Readable } from "node:stream";
import type { ExecSession, WindowSize } from "../pod-exec.ts";
import type { Status } from "../status-error.ts";
import { closeCodes, openWebSocket, type WebSocket } from "./web-socket.ts";

/** What a client may speak; the first byte of each message is its channel. Version 5 can close one channel. */
export const execProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Joins a running command and a client's connection until either ends, then says how the command ended. */
export async function joinExec(
  session: ExecSession,
  { socket, wanted }: { socket: Duplex; wanted: { stdout: boolean; stderr: boolean } },
): Promise<void> {
  // A command that has ended reads no more; what its exit says matters.
  session.stdin.on("error", () => undefined);
  const webSocket = openWebSocket(socket, {
    onMessage(message) {
      const [channel, closed] = message;
      if (channel === channels.close && closed === channels.stdin) session.stdin.end();
      if (channel === channels.resize) resize(session, message.subarray(1));
      if (channel !== channels.stdin || session.stdin.writableEnded || session.stdin.destroyed) return;
      if (session.stdin.write(message.subarray(1))) return;
      webSocket.pause();
      session.stdin.once("drain", () => webSocket.resume());
    },
    // Nobody is left to hear of it.
    onClose: () => session.kill(),
  });
  session.stdin.once("close", () => webSocket.resume());
  await Promise.all([
    copy(session.stdout, wanted.stdout ? channels.stdout : undefined, webSocket),
    copy(session.stderr, wanted.stderr ? channels.stderr : undefined, webSocket),
  ]);
  sayGoodbye(webSocket, statusOf(await session.exited));
}

const CHARACTERS_MAX = 65_535;

/** What is not a size is left alone: the window is drawn for all that. */
function resize(session: ExecSession, message: Buffer): void {
  const size = readSize(message.toString("utf8"));
  if (size === undefined) return;
  session.resize(size).catch(() => undefined);
}

function readSize(text: string): WindowSize | undefined {
  try {
    const { Width: columns, Height: rows } = JSON.parse(text) as { Width?: unknown; Height?: unknown };
    return isLength(columns) && isLength(rows) ? { columns, rows } : undefined;
  } catch {
    // No JSON, or no object.
    return undefined;
  }
}

function isLength(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= CHARACTERS_MAX;
}

/** Says on the error channel why there is no command. */
export function refuseExec(message: string, socket: Duplex): void {
  const webSocket = openWebSocket(socket, { onMessage: () => undefined, onClose: () => undefined });
  sayGoodbye(webSocket, { metadata: {}, status: "Failure", reason: "InternalError", message, code: 500 });
}

function sayGoodbye(webSocket: WebSocket, status: ExecStatus): void {
  webSocket.send(Buffer.from([channels.error]), Buffer.from(JSON.stringify(status)));
  webSocket.close(closeCodes.normal);
}

type ExecStatus = Omit<Status, "code" | "kind" | "apiVersion"> & { readonly code?: number };

/** Sends a stream to its end, no faster than it is read; what nobody wants is read all the same. */
async function copy(stream: Readable, channel: number | undefined, webSocket: WebSocket): Promise<void> {
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (channel === undefined || chunk.length === 0) continue;
      if (!webSocket.send(Buffer.from([channel]), chunk)) await webSocket.drained();
    }
  } catch {
    // Cut short because the command has left a child behind that holds it open; the exit code says the rest.
  }
}

/** As clients expect it on the error channel. */
function statusOf(exitCode: number): ExecStatus {
  if (exitCode === 0) return { metadata: {}, status: "Success" };
  return {
    metadata: {},
    status: "Failure",
    message: `command terminated with non-zero exit code: command terminated with exit code ${exitCode}`,
    reason: "NonZeroExitCode",
    details: { causes: [{ reason: "ExitCode", message: String(exitCode) }] },
  };
}
