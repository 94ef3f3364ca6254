import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { faulty, incomplete } from "./fault.ts";
import { defaultLimits, type ProxyLimits } from "./limits.ts";
import { RequestHead } from "./request-head.ts";

const limits: ProxyLimits = { ...defaultLimits, headBytesMax: 1024, targetBytesMax: 256, headerCountMax: 16 };

interface Verdict {
  readonly headEnd: number;
  readonly status: number | undefined;
  readonly head: RequestHead;
}

/** Scans as a connection does: what came so far, again and again, until there is a verdict. */
function scanPieces(pieces: readonly Buffer[]): Verdict {
  const head = new RequestHead();
  head.reset();
  let bytes = Buffer.alloc(0);
  let headEnd = incomplete;
  for (const piece of pieces) {
    bytes = Buffer.concat([bytes, piece]);
    headEnd = head.scan(bytes, limits);
    if (headEnd !== incomplete) break;
  }
  return { headEnd, status: headEnd === faulty ? head.fault.status : undefined, head };
}

function scan(input: string): Verdict {
  return scanPieces([Buffer.from(input, "latin1")]);
}

function scanCutAt(input: string, at: number): Verdict {
  const bytes = Buffer.from(input, "latin1");
  return scanPieces([bytes.subarray(0, at), bytes.subarray(at)]);
}

function scanDripping(input: string): Verdict {
  return scanPieces([...Buffer.from(input, "latin1")].map((byte) => Buffer.from([byte])));
}

const H = "Host: a.example\r\n";

/** Heads that two parsers could read differently, or that are over a limit. */
const hostile: readonly (readonly [name: string, head: string, status?: number])[] = [
  // Lines
  ["a bare LF after the request line", `GET / HTTP/1.1\n${H}\r\n`],
  ["a bare LF after a header", "GET / HTTP/1.1\r\nHost: a\n\r\n"],
  ["a bare LF as blank line", `GET / HTTP/1.1\r\n${H}\n`],
  ["a bare CR after the request line", `GET / HTTP/1.1\r${H}\r\n`],
  ["a bare CR in a value", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n"],
  ["a bare CR before the blank line", `GET / HTTP/1.1\r\n${H}X: y\r\r\n\r\n`],
  ["CR CR LF", "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n"],
  ["two empty lines first", `\r\n\r\nGET / HTTP/1.1\r\n${H}\r\n`],
  ["a LF first", `\nGET / HTTP/1.1\r\n${H}\r\n`],
  ["a space first", ` GET / HTTP/1.1\r\n${H}\r\n`],
  // Request line
  ["no target", `GET HTTP/1.1\r\n${H}\r\n`],
  ["no version", `GET /\r\n${H}\r\n`],
  ["HTTP/0.9", "GET /\r\n"],
  ["two spaces after the method", `GET  / HTTP/1.1\r\n${H}\r\n`],
  ["two spaces after the target", `GET /  HTTP/1.1\r\n${H}\r\n`],
  ["a tab after the method", `GET\t/ HTTP/1.1\r\n${H}\r\n`],
  ["a space in the target", `GET /a b HTTP/1.1\r\n${H}\r\n`],
  ["a tab in the target", `GET /a\tb HTTP/1.1\r\n${H}\r\n`],
  ["a NUL in the target", `GET /\0 HTTP/1.1\r\n${H}\r\n`],
  ["a DEL in the target", `GET /\x7f HTTP/1.1\r\n${H}\r\n`],
  ["a fragment in the target", `GET /a#b HTTP/1.1\r\n${H}\r\n`],
  ["a relative target", `GET a HTTP/1.1\r\n${H}\r\n`],
  ["an https target", `GET https://a.example/ HTTP/1.1\r\n${H}\r\n`],
  ["a target with credentials", `GET http://u:p@a.example/ HTTP/1.1\r\n${H}\r\n`],
  ["a target without a host", `GET http:/// HTTP/1.1\r\n${H}\r\n`],
  ["a target with an invalid port", `GET http://a.example:99999/ HTTP/1.1\r\n${H}\r\n`],
  ["* with GET", `GET * HTTP/1.1\r\n${H}\r\n`],
  ["CONNECT", `CONNECT a.example:443 HTTP/1.1\r\n${H}\r\n`, 405],
  ["an authority with GET", `GET a.example:443 HTTP/1.1\r\n${H}\r\n`],
  ["a method with a colon", `GE:T / HTTP/1.1\r\n${H}\r\n`],
  ["a method that never ends", `${"A".repeat(33)} / HTTP/1.1\r\n${H}\r\n`],
  ["a lower-case version", `GET / http/1.1\r\n${H}\r\n`],
  ["HTTP/1.2", `GET / HTTP/1.2\r\n${H}\r\n`, 505],
  ["HTTP/2.0", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505],
  ["HTTP/1.10", `GET / HTTP/1.10\r\n${H}\r\n`],
  ["HTTP/11", `GET / HTTP/11\r\n${H}\r\n`],
  ["a space after the version", `GET / HTTP/1.1 \r\n${H}\r\n`],
  ["a TLS handshake", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"],
  // Header lines
  ["a space before the colon", `GET / HTTP/1.1\r\n${H}Content-Length : 5\r\n\r\n`],
  ["a tab before the colon", `GET / HTTP/1.1\r\n${H}Transfer-Encoding\t: chunked\r\n\r\n`],
  ["a folded line", `GET / HTTP/1.1\r\n${H}X: a\r\n b\r\n\r\n`],
  ["a folded line by tab", `GET / HTTP/1.1\r\n${H}X: a\r\n\tb\r\n\r\n`],
  ["a fold before the first header", `GET / HTTP/1.1\r\n ${H}\r\n`],
  ["a line without a colon", `GET / HTTP/1.1\r\n${H}X\r\n\r\n`],
  ["an empty name", `GET / HTTP/1.1\r\n${H}: x\r\n\r\n`],
  ["a NUL in a name", `GET / HTTP/1.1\r\n${H}X\0: y\r\n\r\n`],
  ["a quote in a name", `GET / HTTP/1.1\r\n${H}"X": y\r\n\r\n`],
  ["a byte over 0x7f in a name", `GET / HTTP/1.1\r\n${H}X\xa0: y\r\n\r\n`],
  ["a NUL in a value", `GET / HTTP/1.1\r\n${H}X: \0\r\n\r\n`],
  ["a vertical tab before chunked", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: \x0bchunked\r\n\r\n`],
  ["an escape in a value", `GET / HTTP/1.1\r\n${H}X: \x1b[2J\r\n\r\n`],
  ["a DEL in a value", `GET / HTTP/1.1\r\n${H}X: \x7f\r\n\r\n`],
  // Framing
  [
    "Content-Length and Transfer-Encoding",
    `POST / HTTP/1.1\r\n${H}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
  ],
  [
    "Transfer-Encoding and Content-Length",
    `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n`,
  ],
  ["two equal Content-Lengths", `POST / HTTP/1.1\r\n${H}Content-Length: 5\r\nContent-Length: 5\r\n\r\n`],
  ["two differing Content-Lengths", `POST / HTTP/1.1\r\n${H}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`],
  ["a list of Content-Lengths", `POST / HTTP/1.1\r\n${H}Content-Length: 5, 5\r\n\r\n`],
  ["a signed Content-Length", `POST / HTTP/1.1\r\n${H}Content-Length: +5\r\n\r\n`],
  ["a negative Content-Length", `POST / HTTP/1.1\r\n${H}Content-Length: -1\r\n\r\n`],
  ["a hexadecimal Content-Length", `POST / HTTP/1.1\r\n${H}Content-Length: 0x5\r\n\r\n`],
  ["a Content-Length with a space in it", `POST / HTTP/1.1\r\n${H}Content-Length: 1 2\r\n\r\n`],
  ["a Content-Length with a fraction", `POST / HTTP/1.1\r\n${H}Content-Length: 5.0\r\n\r\n`],
  ["an empty Content-Length", `POST / HTTP/1.1\r\n${H}Content-Length:\r\n\r\n`],
  ["a Content-Length beyond 2^53", `POST / HTTP/1.1\r\n${H}Content-Length: 9999999999999999\r\n\r\n`],
  ["identity", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: identity\r\n\r\n`],
  ["chunked, identity", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked, identity\r\n\r\n`],
  ["gzip, chunked", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: gzip, chunked\r\n\r\n`],
  ["xchunked", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: xchunked\r\n\r\n`],
  ["chunked with a parameter", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked;q=1\r\n\r\n`],
  ["quoted chunked", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: "chunked"\r\n\r\n`],
  ["an empty Transfer-Encoding", `POST / HTTP/1.1\r\n${H}Transfer-Encoding:\r\n\r\n`],
  ["chunked twice", `POST / HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ["chunked in HTTP/1.0", `POST / HTTP/1.0\r\n${H}Transfer-Encoding: chunked\r\n\r\n`],
  ["Connection lists Content-Length", `POST / HTTP/1.1\r\n${H}Content-Length: 5\r\nConnection: Content-Length\r\n\r\n`],
  ["Connection lists Host", `GET / HTTP/1.1\r\n${H}Connection: close, host\r\n\r\n`],
  ["Connection is no list of names", `GET / HTTP/1.1\r\n${H}Connection: a=b; c\r\n\r\n`],
  // Host
  ["no Host", "GET / HTTP/1.1\r\n\r\n"],
  ["no Host with an absolute target", "GET http://a.example/ HTTP/1.1\r\n\r\n"],
  ["two Hosts", `GET / HTTP/1.1\r\n${H}${H}\r\n`],
  ["an empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n"],
  ["a Host that is only a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n"],
  ["a Host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
  ["a Host with credentials", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"],
  ["a Host with a space", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"],
  ["a list of Hosts", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"],
  ["a Host with a scheme", "GET / HTTP/1.1\r\nHost: http://a\r\n\r\n"],
  ["a Host with two ports", "GET / HTTP/1.1\r\nHost: a:1:2\r\n\r\n"],
  ["a Host with a port too large", "GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n"],
  ["a Host with a port of letters", "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n"],
  ["a Host with half an address", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"],
  ["a Host that is no host, behind an absolute target", "GET http://a.example/ HTTP/1.1\r\nHost: a b\r\n\r\n"],
  // Other fields and limits
  ["an unknown expectation", `POST / HTTP/1.1\r\n${H}Expect: 200-ok\r\nContent-Length: 1\r\n\r\n`, 417],
  ["two Upgrades", `GET / HTTP/1.1\r\n${H}Connection: upgrade\r\nUpgrade: a\r\nUpgrade: b\r\n\r\n`],
  ["a target over the limit", `GET /${"a".repeat(256)} HTTP/1.1\r\n${H}\r\n`, 414],
  ["a target over the limit that does not end", `GET /${"a".repeat(300)}`, 414],
  ["a head over the limit", `GET / HTTP/1.1\r\n${H}X: ${"a".repeat(1024)}\r\n\r\n`, 431],
  ["a head over the limit that does not end", `GET / HTTP/1.1\r\n${H}X: ${"a".repeat(1024)}`, 431],
  ["too many fields", `GET / HTTP/1.1\r\n${H}${"A: b\r\n".repeat(16)}\r\n`, 431],
];

describe("a hostile head", () => {
  test("comes in at least sixty kinds", () => {
    expect(hostile.length).toBeGreaterThanOrEqual(60);
  });

  test.each(hostile)("%s is refused", (_name, head, status = 400) => {
    expect(scan(head).status).toBe(status);
  });

  test.each(hostile)("%s is refused wherever the input is cut", (_name, head, status = 400) => {
    for (let at = 1; at < head.length; at++) expect(scanCutAt(head, at).status).toBe(status);
    expect(scanDripping(head).status).toBe(status);
  });
});

const sound: readonly (readonly [name: string, head: string, want: Partial<Record<keyof RequestHead, unknown>>])[] = [
  [
    "the least",
    "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    { method: "GET", target: "/", isIdempotent: true, hasBody: false },
  ],
  ["a query", "GET /a?b=c?d HTTP/1.1\r\nHost: a\r\n\r\n", { target: "/a?b=c?d" }],
  ["an unknown method", "PURGE / HTTP/1.1\r\nHost: a\r\n\r\n", { method: "PURGE", isIdempotent: false }],
  ["an absolute target", "GET http://b:81/x?y HTTP/1.1\r\nHost: a\r\n\r\n", { target: "/x?y", isAbsolute: true }],
  ["an absolute target without a path", "GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", { target: "/" }],
  ["an absolute target with only a query", "GET HTTP://b?q HTTP/1.1\r\nHost: a\r\n\r\n", { target: "/?q" }],
  ["OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", { target: "*" }],
  ["one empty line first", "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", { method: "GET", isPlain: false }],
  ["a length", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 12\r\n\r\n", { hasBody: true, isIdempotent: false }],
  ["a length of zero", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", { hasBody: false }],
  ["chunks, in any case", "POST / HTTP/1.1\r\nHost: a\r\nTRANSFER-ENCODING: Chunked\r\n\r\n", { hasBody: true }],
  ["empty and padded values", "GET / HTTP/1.1\r\nHost:  \ta \t\r\nX:\r\nY: \t\r\n\r\n", { method: "GET" }],
  [
    "bytes over 0x7f in target and value",
    "GET /\xc3\xbc HTTP/1.1\r\nHost: a\r\nX: \xc3\xbc\r\n\r\n",
    { target: "/\xc3\xbc" },
  ],
  ["HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\n\r\n", { versionMinor: 0, keepsAlive: false }],
  ["HTTP/1.0 kept alive", "GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n", { keepsAlive: true }],
  ["Connection: close", "GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", { keepsAlive: false }],
  [
    "an expectation",
    "PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
    { expectsContinue: true },
  ],
  [
    "an expectation without a body",
    "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n",
    { expectsContinue: false },
  ],
  [
    "a websocket",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\r\n",
    { isUpgrade: true },
  ],
  [
    "h2c, which is not passed on",
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n",
    { isUpgrade: false },
  ],
  [
    "Upgrade that Connection does not list",
    "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n\r\n",
    { isUpgrade: false },
  ],
  [
    "an upgrade with a body",
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 1\r\n\r\n",
    { isUpgrade: false },
  ],
];

describe("a sound head", () => {
  test.each(sound)("%s is read, wherever the input is cut", (_name, input, want) => {
    const whole = scan(`${input}REST`);
    expect({ headEnd: whole.headEnd, ...pick(whole.head, want) }).toEqual({ headEnd: input.length, ...want });
    for (let at = 1; at < input.length; at++) {
      const cut = scanCutAt(input, at);
      expect({ at, headEnd: cut.headEnd, ...pick(cut.head, want) }).toEqual({ at, headEnd: input.length, ...want });
    }
    expect(scanDripping(input).headEnd).toBe(input.length);
  });

  test.each([
    ["Host: Foo.Example:8080", "Foo.Example", "Foo.Example:8080"],
    ["Host: [::1]:80", "[::1]", "[::1]:80"],
    ["Host: 10.0.0.1:", "10.0.0.1", "10.0.0.1:"],
  ])("%s names the host", (line, host, authority) => {
    const { head } = scan(`GET / HTTP/1.1\r\n${line}\r\n\r\n`);
    expect(head.bytes.toString("latin1", head.authorityStart, head.hostEnd)).toBe(host);
    expect(head.bytes.toString("latin1", head.authorityStart, head.authorityEnd)).toBe(authority);
  });

  test("fields are found by name, several joined", () => {
    const { head } = scan("GET / HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-ONE:2 \r\nX-Two:\r\n\r\n");
    expect([head.fields.valueOf("x-one"), head.fields.valueOf("x-two"), head.fields.valueOf("x-three")]).toEqual([
      "1, 2",
      "",
      undefined,
    ]);
  });

  test("names that Connection lists are known", () => {
    const { head } = scan(
      "GET / HTTP/1.1\r\nHost: a\r\nX-Secret: 1\r\nX-Other: 2\r\nConnection: x-secret, close\r\n\r\n",
    );
    expect([0, 1, 2].map((index) => head.fields.isListed(index))).toEqual([false, true, false]);
  });
});

test("no bytes whatever make the scanner throw, and cuts never change its verdict", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "GET ",
      "/",
      " HTTP/1.1",
      "\r\n",
      "\r",
      "\n",
      "Host: a",
      ":",
      "Content-Length: 1",
      "Transfer-Encoding: chunked",
      " ",
      "\t",
    ),
    fc.string({ unit: "binary", maxLength: 6 }),
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 24 }),
      fc.array(fc.nat({ max: 120 }), { maxLength: 6 }),
      (pieces, cuts) => {
        const bytes = Buffer.from(pieces.join(""), "latin1");
        const bounds = [0, ...cuts.filter((cut) => cut < bytes.length).toSorted((a, b) => a - b), bytes.length];
        const parts = bounds.slice(1).map((bound, index) => bytes.subarray(bounds[index], bound));
        const whole = scanPieces([bytes]);
        const cut = scanPieces(parts);
        expect([cut.headEnd, cut.status]).toEqual([whole.headEnd, whole.status]);
      },
    ),
    { numRuns: 2000 },
  );
});

function pick(head: RequestHead, want: object): object {
  return Object.fromEntries(Object.keys(want).map((key) => [key, head[key as keyof RequestHead]]));
}
