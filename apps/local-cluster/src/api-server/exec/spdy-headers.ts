import { constants, createDeflate, createInflate } from "node:zlib";

// Header blocks of SPDY/3.1, sections 2.6.10 and following of its draft: pairs with lengths, compressed in one context for
// the whole connection, which starts from a dictionary that both sides know.

const WORDS =
  "options head post put delete trace accept accept-charset accept-encoding accept-language accept-ranges age allow " +
  "authorization cache-control connection content-base content-encoding content-language content-length content-location " +
  "content-md5 content-range content-type date etag expect expires from host if-match if-modified-since if-none-match " +
  "if-range if-unmodified-since last-modified location max-forwards pragma proxy-authenticate proxy-authorization range " +
  "referer retry-after server te trailer transfer-encoding upgrade user-agent vary via warning www-authenticate method get status";
const PHRASES = ["200 OK", "version", "HTTP/1.1", "url", "public", "set-cookie", "keep-alive", "origin"];
const REST =
  "100101201202205206300302303304305306307402405406407408409410411412413414415416417502504505" +
  "203 Non-Authoritative Information204 No Content301 Moved Permanently400 Bad Request401 Unauthorized403 Forbidden" +
  "404 Not Found500 Internal Server Error501 Not Implemented503 Service Unavailable" +
  "Jan Feb Mar Apr May Jun Jul Aug Sept Oct Nov Dec 00:00:00 Mon, Tue, Wed, Thu, Fri, Sat, Sun, GMT" +
  "chunked,text/html,image/png,image/jpg,image/gif,application/xml,application/xhtml+xml,text/plain,text/javascript," +
  "publicprivatemax-age=gzip,deflate,sdchcharset=utf-8charset=iso-8859-1,utf-,*,enq=0.";

/** What compression starts from. */
export const spdyDictionary: Buffer = Buffer.concat([
  ...[...WORDS.split(" "), ...PHRASES].flatMap((word) => [lengthOf(word.length), Buffer.from(word)]),
  Buffer.from(REST),
]);

const BLOCK_BYTES_MAX = 64 * 1024;
const HEADERS_MAX = 100;

/** Both directions of one connection's headers. Calls must follow each other in the order of the frames. */
export interface SpdyHeaders {
  /** @throws Error when the block is none, or larger than anybody needs. */
  read(block: Buffer): Promise<ReadonlyMap<string, string>>;
  /** A block without any header. */
  writeEmpty(): Promise<Buffer>;
  close(): void;
}

export function openSpdyHeaders(): SpdyHeaders {
  const inflate = createInflate({ dictionary: spdyDictionary, flush: constants.Z_SYNC_FLUSH });
  const deflate = createDeflate({ dictionary: spdyDictionary, flush: constants.Z_SYNC_FLUSH });
  return {
    read: async (block) => parseBlock(await passThrough(inflate, block)),
    writeEmpty: () => passThrough(deflate, lengthOf(0)),
    close() {
      inflate.destroy();
      deflate.destroy();
    },
  };
}

function passThrough(codec: ReturnType<typeof createInflate | typeof createDeflate>, input: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    const keep = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > BLOCK_BYTES_MAX) finish(new Error("the headers are too large"));
      else chunks.push(chunk);
    };
    const finish = (error?: Error | null): void => {
      codec.off("data", keep);
      codec.off("error", finish);
      if (error == null) resolve(Buffer.concat(chunks));
      else reject(error);
    };
    codec.on("data", keep);
    codec.once("error", finish);
    codec.write(input, finish);
  });
}

function parseBlock(block: Buffer): ReadonlyMap<string, string> {
  let at = 4;
  const readText = (): string => {
    const bytes = block.readUInt32BE(at);
    const text = block.subarray(at + 4, at + 4 + bytes);
    if (text.length !== bytes) throw new RangeError("a header ends before its length");
    at += 4 + bytes;
    return text.toString("utf8");
  };
  const count = block.readUInt32BE(0);
  if (count > HEADERS_MAX) throw new RangeError("there are too many headers");
  return new Map(Array.from({ length: count }, () => [readText(), readText()]));
}

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}
