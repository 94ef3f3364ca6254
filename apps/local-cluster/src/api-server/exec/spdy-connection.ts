import { openSpdyHeaders } from "./spdy-headers.ts";

// The server's side of SPDY/3.1 as kubectl speaks it inside a WebSocket: streams that the client opens, data both ways, pings.
// There is no flow control, for neither kubectl's library nor anybody who serves it has one.

const VERSION = 3;
const FRAME_BYTES_MAX = 4 * 1024 * 1024;
const STREAMS_MAX = 500;
const types = { synStream: 1, synReply: 2, rstStream: 3, ping: 6 } as const;
const FLAG_FIN = 1;
const HEADER_BYTES = 8;

/** A stream that the client has opened. */
export interface SpdyStream {
  readonly id: number;
  readonly headers: ReadonlyMap<string, string>;
  send(data: Buffer): void;
  /** Nothing more will be sent. */
  end(): void;
}

export interface SpdyListener {
  onStream(stream: SpdyStream): void;
  onData(stream: SpdyStream, data: Buffer): void;
  /** The client will send nothing more on it; `isBroken` when it wants nothing either. */
  onEnd(stream: SpdyStream, isBroken: boolean): void;
}

export interface SpdyConnection {
  /** Takes bytes of the connection, in order. Rejects when they are no SPDY: then the connection must be closed. */
  take(bytes: Buffer): Promise<void>;
  close(): void;
}

export function openSpdyConnection(send: (bytes: Buffer) => void, listener: SpdyListener): SpdyConnection {
  const headers = openSpdyHeaders();
  const streams = new Map<number, SpdyStream>();
  let unread: Buffer = Buffer.alloc(0);
  let work: Promise<void> = Promise.resolve();

  function makeStream(id: number, fields: ReadonlyMap<string, string>): SpdyStream {
    let hasEnded = false;
    const sendData = (data: Buffer, flags: number): void => {
      if (hasEnded) return;
      hasEnded = flags === FLAG_FIN;
      send(Buffer.concat([frameHeader(id, flags, data.length), data]));
    };
    return { id, headers: fields, send: (data) => sendData(data, 0), end: () => sendData(Buffer.alloc(0), FLAG_FIN) };
  }

  async function openStream(payload: Buffer, flags: number): Promise<void> {
    const id = payload.readUInt32BE(0) & 0x7fffffff;
    const fields = await headers.read(payload.subarray(10));
    if (streams.size >= STREAMS_MAX) throw new RangeError("there are too many streams");
    const stream = makeStream(id, fields);
    streams.set(id, stream);
    const reply = Buffer.concat([payload.subarray(0, 4), await headers.writeEmpty()]);
    send(Buffer.concat([controlHeader(types.synReply, reply.length), reply]));
    listener.onStream(stream);
    if ((flags & FLAG_FIN) !== 0) listener.onEnd(stream, false);
  }

  async function takeFrame(frame: Buffer): Promise<void> {
    const [first, flags] = [frame.readUInt32BE(0), frame.readUInt8(4)];
    const payload = frame.subarray(HEADER_BYTES);
    if (first < 0x80000000) return takeData(streams.get(first), payload, flags);
    const type = first & 0xffff;
    if (type === types.synStream) return openStream(payload, flags);
    if (type === types.ping) send(frame);
    if (type !== types.rstStream) return;
    const stream = streams.get(payload.readUInt32BE(0));
    streams.delete(stream?.id ?? 0);
    if (stream !== undefined) listener.onEnd(stream, true);
  }

  function takeData(stream: SpdyStream | undefined, data: Buffer, flags: number): void {
    if (stream === undefined) return;
    if (data.length > 0) listener.onData(stream, data);
    if ((flags & FLAG_FIN) === 0) return;
    streams.delete(stream.id);
    listener.onEnd(stream, false);
  }

  async function takeAll(bytes: Buffer): Promise<void> {
    unread = unread.length === 0 ? bytes : Buffer.concat([unread, bytes]);
    while (unread.length >= HEADER_BYTES) {
      const length = HEADER_BYTES + unread.readUIntBE(5, 3);
      if (length > FRAME_BYTES_MAX) throw new RangeError("a frame is too large");
      if (unread.length < length) return;
      const frame = unread.subarray(0, length);
      unread = unread.subarray(length);
      await takeFrame(frame);
    }
  }

  return {
    take(bytes) {
      work = work.then(() => takeAll(bytes));
      return work;
    },
    close: () => headers.close(),
  };
}

function frameHeader(streamId: number, flags: number, length: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32BE(streamId);
  header.writeUInt8(flags, 4);
  header.writeUIntBE(length, 5, 3);
  return header;
}

function controlHeader(type: number, length: number): Buffer {
  return frameHeader((0x80000000 | (VERSION << 16) | type) >>> 0, 0, length);
}
