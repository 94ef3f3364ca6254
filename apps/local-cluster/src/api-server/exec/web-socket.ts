import { createHash } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Duplex } from "node:stream";

// The server's side of RFC 6455, as much of it as `kubectl exec` needs: binary messages both ways, pings, and the closing
// handshake. No extensions.

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;
const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** Codes of the closing handshake. */
export const closeCodes = { normal: 1000, protocolError: 1002, tooLarge: 1009 } as const;

export interface WebSocketListener {
  onMessage(message: Buffer): void;
  /** The connection is over, whoever ended it. Called once. */
  onClose(): void;
}

export interface WebSocket {
  /** Sends a binary message made of `parts`. False when the peer reads more slowly than we write. */
  send(...parts: readonly Buffer[]): boolean;
  /** Resolves when what was sent has left, or the connection is over. */
  drained(): Promise<void>;
  pause(): void;
  resume(): void;
  /** Says goodbye; what was sent before still arrives. */
  close(code: number): void;
}

/** The protocol of `supported` that the client likes best, if it asks for a WebSocket at all. */
export function chooseProtocol(headers: IncomingHttpHeaders, supported: readonly string[]): string | undefined {
  const offered = (headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  return supported.find((protocol) => offered.includes(protocol));
}

/** The answer that turns the connection of a request into a WebSocket. */
export function handshake(key: string, protocol: string): string {
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    `Sec-WebSocket-Protocol: ${protocol}`,
    "\r\n",
  ].join("\r\n");
}

/** Speaks WebSocket on a connection whose handshake is done. */
export function openWebSocket(socket: Duplex, listener: WebSocketListener): WebSocket {
  let unread: Buffer = Buffer.alloc(0);
  let message: Buffer[] = [];
  let isClosing = false;
  let isOver = false;

  function sendFrame(opcode: number, parts: readonly Buffer[]): boolean {
    if (isClosing || socket.destroyed) return true;
    const bytes = parts.reduce((sum, part) => sum + part.length, 0);
    return socket.write(Buffer.concat([frameHeader(opcode, bytes), ...parts]));
  }

  function close(code: number): void {
    const payload = Buffer.alloc(2);
    payload.writeUInt16BE(code);
    sendFrame(opcodes.close, [payload]);
    isClosing = true;
    socket.end();
  }

  function take(frame: Frame): void {
    if (frame.opcode === opcodes.ping) sendFrame(opcodes.pong, [frame.payload]);
    else if (frame.opcode === opcodes.close) close(closeCodes.normal);
    else if (frame.opcode <= opcodes.binary) {
      message.push(frame.payload);
      if (message.reduce((sum, part) => sum + part.length, 0) > MESSAGE_BYTES_MAX) return close(closeCodes.tooLarge);
      if (!frame.isFinal) return;
      const whole = Buffer.concat(message);
      message = [];
      listener.onMessage(whole);
    }
  }

  function read(chunk: Buffer): void {
    unread = unread.length === 0 ? chunk : Buffer.concat([unread, chunk]);
    while (!isClosing) {
      const found = parseFrame(unread);
      if (found === undefined) return;
      if ("code" in found) return close(found.code);
      unread = unread.subarray(found.bytes);
      take(found);
    }
  }

  function end(): void {
    if (isOver) return;
    isOver = true;
    socket.destroy();
    listener.onClose();
  }

  socket.on("data", read);
  socket.on("error", end);
  socket.on("end", end);
  socket.on("close", end);
  return {
    send: (...parts) => sendFrame(opcodes.binary, parts),
    drained: () =>
      new Promise((resolve) => {
        if (isOver || !socket.writableNeedDrain) return resolve();
        socket.once("drain", resolve);
        socket.once("close", resolve);
      }),
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    close,
  };
}

interface Frame {
  readonly opcode: number;
  readonly isFinal: boolean;
  readonly payload: Buffer;
  /** Its length on the wire. */
  readonly bytes: number;
}

/** The first frame, undefined while it is not whole, or the code to close with. */
function parseFrame(buffer: Buffer): Frame | { readonly code: number } | undefined {
  if (buffer.length < 2) return undefined;
  const [first = 0, second = 0] = buffer;
  // Extensions were not agreed on, and clients must mask.
  if ((first & 0x70) !== 0 || (second & 0x80) === 0) return { code: closeCodes.protocolError };
  const lengthBytes = [0, 2, 8][Math.max(0, (second & 0x7f) - 125)] ?? 0;
  const maskAt = 2 + lengthBytes;
  if (buffer.length < maskAt + 4) return undefined;
  const length = payloadLengthOf(buffer, lengthBytes);
  if (length > MESSAGE_BYTES_MAX) return { code: closeCodes.tooLarge };
  const bytes = maskAt + 4 + length;
  if (buffer.length < bytes) return undefined;
  const payload = unmask(buffer.subarray(maskAt + 4, bytes), buffer.subarray(maskAt, maskAt + 4));
  return { opcode: first & 0x0f, isFinal: (first & 0x80) !== 0, payload, bytes };
}

function payloadLengthOf(buffer: Buffer, lengthBytes: number): number {
  if (lengthBytes === 0) return buffer.readUInt8(1) & 0x7f;
  return lengthBytes === 2 ? buffer.readUInt16BE(2) : Number(buffer.readBigUInt64BE(2));
}

function unmask(masked: Buffer, mask: Buffer): Buffer {
  const payload = Buffer.from(masked);
  for (let index = 0; index < payload.length; index++) {
    payload[index] = (payload[index] ?? 0) ^ (mask[index & 3] ?? 0);
  }
  return payload;
}

function frameHeader(opcode: number, bytes: number): Buffer {
  if (bytes < 126) return Buffer.from([0x80 | opcode, bytes]);
  if (bytes < 65536) {
    const header = Buffer.from([0x80 | opcode, 126, 0, 0]);
    header.writeUInt16BE(bytes, 2);
    return header;
  }
  const header = Buffer.alloc(10);
  header.set([0x80 | opcode, 127]);
  header.writeBigUInt64BE(BigInt(bytes), 2);
  return header;
}
