import { describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { decodeEvent } from "./decode.ts";
import { encodeEvent } from "./encode.ts";
import type { EventMessage } from "./encode.ts";
import { encodeEventV01 } from "./version-01.ts";

const BASE = '"specversion":"1.0","id":"1","source":"/a","type":"t"';

function document(members: string) {
  return decodeEvent(["content-type", "application/cloudevents+json"], Buffer.from(`{${members}}`));
}

function binary(data: Buffer, ...headers: string[]) {
  return decodeEvent(["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/a", "ce-type", "t", ...headers], data);
}

function bodyOf(message: EventMessage): unknown {
  return JSON.parse(message.body.toString());
}

describe("the same form", () => {
  test("keeps the body itself", () => {
    const event = document(`${BASE},"data":1`);
    expect(encodeEvent(event).body).toBe(event.body);
    expect(encodeEvent(event, { edits: { remove: ["absent"] } }).body).toBe(event.body);
    const other = binary(Buffer.from([0xff]), "content-type", "a/b", "ce-subject", "%E2%82%AC 1%25");
    expect(encodeEvent(other).body).toBe(other.body);
    expect(encodeEvent(other).headers).toEqual(
      "ce-specversion 1.0 ce-id 1 ce-source /a ce-type t ce-subject %E2%82%AC%201%25 content-type a/b".split(" "),
    );
  });

  test("edits a document without touching the rest of it", () => {
    const event = document(`${BASE}, "ttl" : 5 ,"data": {"n": 12345678901234567890 } , "last":"x"`);
    const edits = { set: { ttl: "4", id: 'a"b' }, remove: ["last"] };
    expect(encodeEvent(event, { edits }).body.toString()).toBe(
      '{"ttl":"4","id":"a\\"b","specversion":"1.0","source":"/a","type":"t","data": {"n": 12345678901234567890 }}',
    );
  });
});

describe("from the document to headers", () => {
  test.each<[string, string | undefined, string]>([
    ['"data":{"a":  1}', "application/json", '{"a":  1}'],
    ['"data":"text"', "application/json", '"text"'],
    ['"datacontenttype":"text/plain","data":"a\\u00e9"', "text/plain", "aé"],
    ['"datacontenttype":"text/plain","data_base64":"AAEC"', "text/plain", "\0\u0001\u0002"],
    ['"data":null', "application/json", "null"],
    ['"datacontenttype":"a/b"', "a/b", ""],
    ["", undefined, ""],
  ])("%s", (members, contentType, data) => {
    const message = encodeEvent(document(members === "" ? BASE : `${BASE},${members}`), { form: "binary" });
    const at = message.headers.indexOf("content-type");
    expect(at === -1 ? undefined : message.headers[at + 1]).toBe(contentType);
    expect(message.body.toString()).toBe(data);
  });

  test("base64 of version 0.3 is decoded", () => {
    const event = document(
      '"specversion":"0.3","id":"1","source":"/a","type":"t","datacontentencoding":"base64","data":"AAEC"',
    );
    const message = encodeEvent(event, { form: "binary" });
    expect([...message.body]).toEqual([0, 1, 2]);
    expect(message.headers).not.toContain("ce-datacontentencoding");
  });
});

describe("from headers to the document", () => {
  test("JSON stays JSON, text becomes a string, the rest base64", () => {
    const json = binary(Buffer.from('{"n":1e400}'), "content-type", "application/json");
    expect(encodeEvent(json, { form: "structured" }).body.toString()).toContain('"data":{"n":1e400}');
    const broken = binary(Buffer.from("{"), "content-type", "application/json");
    expect(bodyOf(encodeEvent(broken, { form: "structured" }))).toMatchObject({ data_base64: "ew==" });
    const text = binary(Buffer.from('a"é'), "content-type", "text/plain");
    expect(bodyOf(encodeEvent(text, { form: "structured" }))).toMatchObject({ data: 'a"é' });
    const bytes = binary(Buffer.from([0xff]), "content-type", "text/plain");
    expect(bodyOf(encodeEvent(bytes, { form: "structured" }))).toMatchObject({ data_base64: "/w==" });
    expect(bodyOf(encodeEvent(binary(Buffer.alloc(0)), { form: "structured" }))).not.toHaveProperty("data");
  });
});

test("an event survives the way through the other form", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 20 }).filter((value) => !/\p{Cc}/u.test(value));
  const event = fc.record({ subject: text, ext: text, data: fc.uint8Array({ minLength: 1, maxLength: 64 }) });
  fc.assert(
    fc.property(event, ({ subject, ext, data }) => {
      const edits = { set: { subject, ext } };
      const first = encodeEvent(binary(Buffer.from(data), "content-type", "application/octet-stream"), { edits });
      const there = encodeEvent(decodeEvent(first.headers, first.body), { form: "structured" });
      const back = encodeEvent(decodeEvent(there.headers, there.body), { form: "binary" });
      expect(back.headers.toSorted()).toEqual(first.headers.toSorted());
      expect(back.body.equals(first.body)).toBe(true);
      const read = decodeEvent(back.headers, back.body);
      expect([read.attributes.get("subject"), read.attributes.get("ext")]).toEqual([subject, ext]);
    }),
    { seed: 20_260_102, numRuns: 1_000 },
  );
});

test("version 0.1 is written as its receivers know it", () => {
  const message = encodeEventV01({
    eventType: "com.github.push",
    eventTypeVersion: "1",
    source: "https://github.com/o/r",
    eventId: "7",
    eventTime: "2018-07-05T17:31:00.5Z",
    contentType: "application/json",
    extensions: { Header: ["a"] },
    data: Buffer.from("{}"),
  });
  expect(message.headers).toEqual(
    [
      ["CE-CloudEventsVersion", "0.1"],
      ["CE-EventID", "7"],
      ["CE-EventType", "com.github.push"],
      ["CE-EventTypeVersion", "1"],
      ["CE-EventTime", "2018-07-05T17:31:00.5Z"],
      ["CE-Source", "https://github.com/o/r"],
      ["Content-Type", "application/json"],
      ["CE-X-Header", '["a"]'],
    ].flat(),
  );
  expect(() =>
    encodeEventV01({ eventType: "t", source: "s", eventId: "1", extensions: { "a b": 1 }, data: message.body }),
  ).toThrow('extension "a b": not allowed');
});
