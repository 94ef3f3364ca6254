import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";
import type { Socket } from "node:net";
import type { LoadTarget } from "./target.ts";

// As much of RFC 6455 as a client of an echo needs. Written out, because it must see how a connection ends: with a
// closing handshake, or without.

const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const opcodes = { text: 1, close: 8, ping: 9, pong: 10 };

/** How a websocket ended: by the server's closing handshake, or by a cut. */
export type SocketEnd = { readonly isOrderly: true } | { readonly isOrderly: false; readonly cause: string };

export interface EchoSocket {
  /** Sends a message. */
  send(message: string): void;
  /** Begins the closing handshake. */
  close(): void;
  destroy(): void;
  readonly ended: Promise<SocketEnd>;
}

/** Opens a websocket; rejects when the server refuses, and with the cause when there is no answer. */
export function openEchoSocket(target: LoadTarget, onMessage: (message: string) => void): Promise<EchoSocket> {
  const { host, port, hostHeader, timeoutMs } = target;
  const key = randomBytes(16).toString("base64");
  const headers = {
    host: hostHeader,
    connection: "Upgrade",
    upgrade: "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": key,
  };
  return new Promise((resolve, reject) => {
    const outgoing = request({ host, port, path: "/echo", headers, agent: false, timeout: timeoutMs });
    outgoing.once("timeout", () => outgoing.destroy(new Error(`no answer to the upgrade for ${timeoutMs} ms`)));
    outgoing.once("error", reject);
    outgoing.once("response", (response) => {
      response.resume();
      reject(new Error(`status ${response.statusCode} instead of an upgrade`));
    });
    outgoing.once("upgrade", (response, socket: Socket, head: Buffer) => {
      socket.setTimeout(0);
      const accept = createHash("sha1")
        .update(key + acceptSuffix)
        .digest("base64");
      if (response.headers["sec-websocket-accept"] === accept) {
        resolve(attach(socket, head, onMessage));
        return;
      }
      socket.destroy();
      reject(new Error("the upgrade was accepted with a wrong key"));
    });
    outgoing.end();
  });
}

function attach(socket: Socket, head: Buffer, onMessage: (message: string) => void): EchoSocket {
  const ended = Promise.withResolvers<SocketEnd>();
  let pending = Buffer.alloc(0);
  const read = (chunk: Buffer): void => {
    pending = Buffer.concat([pending, chunk]);
    for (let frame = takeFrame(pending); frame !== undefined; frame = takeFrame(pending)) {
      pending = pending.subarray(frame.bytes);
      if (frame.opcode === opcodes.close) {
        ended.resolve({ isOrderly: true });
        socket.end(makeFrame(opcodes.close, frame.payload));
      } else if (frame.opcode === opcodes.ping) socket.write(makeFrame(opcodes.pong, frame.payload));
      else if (frame.opcode === opcodes.text) onMessage(frame.payload.toString("utf8"));
    }
  };
  socket.on("data", read);
  socket.once("error", (error) => ended.resolve({ isOrderly: false, cause: error.message }));
  socket.once("close", () => ended.resolve({ isOrderly: false, cause: "closed without a closing handshake" }));
  read(head);
  return {
    send: (message) => socket.write(makeFrame(opcodes.text, Buffer.from(message))),
    close: () => socket.write(makeFrame(opcodes.close, Buffer.from([0x03, 0xe8]))),
    destroy: () => socket.destroy(),
    ended: ended.promise,
  };
}

/** The first whole frame, and how many bytes it took. Servers do not mask; nothing here is longer than 64 KiB. */
function takeFrame(bytes: Buffer): { opcode: number; payload: Buffer; bytes: number } | undefined {
  if (bytes.length < 2) return undefined;
  const shortLength = bytes.readUInt8(1) & 0x7f;
  const isLong = shortLength === 126;
  if (isLong && bytes.length < 4) return undefined;
  const length = isLong ? bytes.readUInt16BE(2) : shortLength;
  const at = isLong ? 4 : 2;
  if (bytes.length < at + length) return undefined;
  return { opcode: bytes.readUInt8(0) & 0x0f, payload: bytes.subarray(at, at + length), bytes: at + length };
}

/** Clients mask; a mask of zeros is one. */
function makeFrame(opcode: number, payload: Buffer): Buffer {
  const isLong = payload.length > 125;
  const header = Buffer.alloc(isLong ? 8 : 6);
  header.writeUInt8(0x80 | opcode, 0);
  header.writeUInt8(0x80 | (isLong ? 126 : payload.length), 1);
  if (isLong) header.writeUInt16BE(payload.length, 2);
  return Buffer.concat([header, payload]);
}
