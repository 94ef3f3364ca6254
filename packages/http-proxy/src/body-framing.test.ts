import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { BodyFraming } from "./body-framing.ts";
import { faulty } from "./fault.ts";

interface Passed {
  readonly text: string;
  readonly contentBytes: number;
  readonly isDone: boolean;
  /** Bytes behind the body. */
  readonly rest: string;
  readonly fault: string | undefined;
}

function passThrough(framing: BodyFraming, pieces: readonly Buffer[]): Passed {
  const out: Buffer[] = [];
  let contentBytes = 0;
  let rest = Buffer.alloc(0);
  for (const piece of pieces) {
    if (framing.isDone) {
      rest = Buffer.concat([rest, piece]);
      continue;
    }
    const end = framing.advance(piece, 0);
    if (end === faulty) {
      return { text: "", contentBytes: 0, isDone: false, rest: "", fault: framing.fault?.reason };
    }
    for (let k = 0; k < framing.spanCount; k++)
      out.push(piece.subarray(framing.spans[k * 2], framing.spans[k * 2 + 1]));
    if (framing.tail !== undefined) out.push(framing.tail);
    contentBytes += framing.contentBytes;
    rest = Buffer.concat([rest, piece.subarray(end)]);
  }
  const text = Buffer.concat(out).toString("latin1");
  return { text, contentBytes, isDone: framing.isDone, rest: rest.toString("latin1"), fault: undefined };
}

function chunked(pieces: readonly Buffer[], isUnwrapped = false): Passed {
  const framing = new BodyFraming();
  framing.beginChunked(isUnwrapped);
  return passThrough(framing, pieces);
}

const cutEverywhere = (text: string): Buffer[][] => {
  const bytes = Buffer.from(text, "latin1");
  const halves = Array.from({ length: bytes.length - 1 }, (_, at) => [
    bytes.subarray(0, at + 1),
    bytes.subarray(at + 1),
  ]);
  return [[bytes], ...halves, [...bytes].map((byte) => Buffer.from([byte]))];
};

describe("a chunked body", () => {
  test.each([
    { name: "an empty body", input: "0\r\n\r\n", content: "" },
    { name: "two chunks", input: "5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n", content: "hello!" },
    {
      name: "sizes in either case",
      input: "0A\r\n0123456789\r\n00a\r\n0123456789\r\n000\r\n\r\n",
      content: "01234567890123456789",
    },
    {
      name: "extensions",
      input: '5;a=b;c="d;e"\r\nhello\r\n0;z\r\n\r\n',
      raw: "5\r\nhello\r\n0\r\n\r\n",
      content: "hello",
    },
    { name: "trailers", input: "1\r\na\r\n0\r\nX-Sum: 1\r\nX-Other:  2 \r\n\r\n", content: "a" },
    { name: "line ends as content", input: "4\r\n\r\n\r\n\r\n0\r\n\r\n", content: "\r\n\r\n" },
  ])("with $name passes, wherever it is cut", ({ input, raw = input, content }) => {
    for (const pieces of cutEverywhere(`${input}GET /`)) {
      expect(chunked(pieces)).toEqual({
        text: raw,
        contentBytes: content.length,
        isDone: true,
        rest: "GET /",
        fault: undefined,
      });
      expect(chunked(pieces, true)).toMatchObject({ text: content, isDone: true, rest: "GET /" });
    }
  });

  test.each([
    ["no size", "\r\nhello\r\n0\r\n\r\n"],
    ["a size that is no number", "x\r\nhello\r\n"],
    ["a prefixed size", "0x5\r\nhello\r\n0\r\n\r\n"],
    ["a signed size", "+5\r\nhello\r\n"],
    ["a negative size", "-1\r\n"],
    ["a space before the size", " 5\r\nhello\r\n"],
    ["a space after the size", "5 \r\nhello\r\n0\r\n\r\n"],
    ["an underscore in the size", "1_0\r\nhello\r\n"],
    ["a size too large", "ffffffffffffff\r\n"],
    ["zeros without end", "00000000000005\r\nhello\r\n"],
    ["a bare LF after the size", "5\nhello\r\n0\r\n\r\n"],
    ["a bare CR after the size", "5\rhello\r\n0\r\n\r\n"],
    ["a chunk longer than its size", "4\r\nhello\r\n0\r\n\r\n"],
    ["a bare LF after the chunk", "5\r\nhello\n0\r\n\r\n"],
    ["a bare CR after the chunk", "5\r\nhello\r0\r\n\r\n"],
    ["a bare LF in an extension", "5;a\nhello\r\n0\r\n\r\n"],
    ["a CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"],
    ["a LF in a quoted extension", '5;a="\n"\r\nhello\r\n0\r\n\r\n'],
    ["a control byte in an extension", "5;\0\r\nhello\r\n0\r\n\r\n"],
    ["extensions without end", `5;${"a".repeat(20_000)}`],
    ["a bare LF at the end", "0\r\n\n"],
    ["a trailer without a colon", "0\r\nX\r\n\r\n"],
    ["a folded trailer", "0\r\nX: a\r\n b\r\n\r\n"],
    ["Content-Length as a trailer", "0\r\nContent-Length: 5\r\n\r\n"],
    ["Transfer-Encoding as a trailer", "0\r\nTransfer-Encoding: chunked\r\n\r\n"],
    ["Host as a trailer", "0\r\nHost: b\r\n\r\n"],
    ["trailers without end", `0\r\n${`X: ${"a".repeat(1000)}\r\n`.repeat(17)}`],
    ["too many trailers", `0\r\n${"X: a\r\n".repeat(65)}\r\n`],
  ])("with %s is refused, wherever it is cut", (_name, input) => {
    const cuts = input.length > 200 ? cutEverywhere(input).slice(0, 3) : cutEverywhere(input);
    for (const pieces of cuts) expect(chunked(pieces).fault).toEqual(expect.any(String));
  });

  test("of any content, in any chunks, cut anywhere, is the same content", () => {
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 12 }),
        fc.array(fc.nat({ max: 700 }), { maxLength: 12 }),
        (contents, cuts) => {
          const framed = contents.map((content) =>
            Buffer.concat([Buffer.from(`${content.length.toString(16)}\r\n`), content, Buffer.from("\r\n")]),
          );
          const whole = Buffer.concat([...framed, Buffer.from("0\r\n\r\n")]);
          const bounds = [0, ...cuts.filter((cut) => cut < whole.length).toSorted((a, b) => a - b), whole.length];
          const pieces = bounds.slice(1).map((bound, index) => whole.subarray(bounds[index], bound));
          expect(chunked(pieces).text).toBe(whole.toString("latin1"));
          expect(chunked(pieces, true).text).toBe(Buffer.concat(contents).toString("latin1"));
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe("a body of known length", () => {
  test("ends where it says, and what follows is left", () => {
    for (const pieces of cutEverywhere("helloGET /")) {
      const framing = new BodyFraming();
      framing.beginLength(5);
      expect(passThrough(framing, pieces)).toMatchObject({
        text: "hello",
        contentBytes: 5,
        isDone: true,
        rest: "GET /",
      });
    }
  });

  test("is not done when the connection ends before it", () => {
    const framing = new BodyFraming();
    framing.beginLength(5);
    framing.advance(Buffer.from("hell"), 0);
    expect([framing.endOfConnection(), framing.remainingBytes]).toEqual([false, 1]);
  });
});

test("a body of unknown length ends with the connection", () => {
  const framing = new BodyFraming();
  framing.beginUntilClose();
  expect(passThrough(framing, [Buffer.from("a"), Buffer.from("b")])).toMatchObject({ text: "ab", isDone: false });
  expect(framing.endOfConnection()).toBe(true);
});
