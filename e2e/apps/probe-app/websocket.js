import { createHash } from "node:crypto";

// As much of RFC 6455 as an echo needs: single-frame messages, pings and the closing handshake.

const acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const opcodes = { text: 1, binary: 2, close: 8, ping: 9, pong: 10 };
const payloadBytesMax = 65_535;

/** Answers the handshake and sends back every message, until the client closes. */
export function serveWebSocketEcho(request, socket, head) {
  const key = request.headers["sec-websocket-key"];
  if (request.headers.upgrade?.toLowerCase() !== "websocket" || key === undefined) {
    socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    return;
  }
  const accept = createHash("sha1")
    .update(key + acceptSuffix)
    .digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  let pending = head;
  const read = (chunk) => {
    pending = Buffer.concat([pending, chunk]);
    for (let frame = takeFrame(pending); frame !== undefined; frame = takeFrame(pending)) {
      pending = pending.subarray(frame.bytes);
      answer(socket, frame);
    }
    if (pending.length > 2 * payloadBytesMax) socket.destroy();
  };
  socket.on("data", read);
  socket.on("error", () => socket.destroy());
  // A client that is gone without a word takes the connection with it.
  socket.on("end", () => socket.end());
  if (head.length > 0) read(Buffer.alloc(0));
}

/** Tells the client that the server goes away. */
export function closeWebSocket(socket) {
  const goingAway = Buffer.from([0x03, 0xe9]);
  socket.end(makeFrame(opcodes.close, goingAway));
}

function answer(socket, { opcode, payload }) {
  if (opcode === opcodes.close) socket.end(makeFrame(opcodes.close, payload));
  else if (opcode === opcodes.ping) socket.write(makeFrame(opcodes.pong, payload));
  else if (opcode === opcodes.text || opcode === opcodes.binary) socket.write(makeFrame(opcode, payload));
}

/** The first whole frame with its payload unmasked, and how many bytes it took; undefined when it is not all there. */
function takeFrame(bytes) {
  if (bytes.length < 2) return undefined;
  const isMasked = (bytes[1] & 0x80) !== 0;
  let length = bytes[1] & 0x7f;
  let at = 2;
  if (length === 127) throw new RangeError(`frames above ${payloadBytesMax} bytes are not echoed`);
  if (length === 126) {
    if (bytes.length < 4) return undefined;
    length = bytes.readUInt16BE(2);
    at = 4;
  }
  const maskAt = at;
  if (isMasked) at += 4;
  if (bytes.length < at + length) return undefined;
  const payload = Buffer.from(bytes.subarray(at, at + length));
  if (isMasked) for (let index = 0; index < length; index += 1) payload[index] ^= bytes[maskAt + (index & 3)];
  return { opcode: bytes[0] & 0x0f, payload, bytes: at + length };
}

function makeFrame(opcode, payload) {
  const isLong = payload.length > 125;
  const header = Buffer.alloc(isLong ? 4 : 2);
  header[0] = 0x80 | opcode;
  header[1] = isLong ? 126 : payload.length;
  if (isLong) header.writeUInt16BE(payload.length, 2);
  return Buffer.concat([header, payload]);
}
