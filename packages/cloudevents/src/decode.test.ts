import { describe, expect, test } from "@jest/globals";
import { decodeBatch, decodeEvent, messageMode } from "./decode.ts";
import { eventAttribute } from "./event.ts";
import { MalformedEventError } from "./malformed-event-error.ts";

const REQUIRED = ["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/a", "ce-type", "t"];
const STRUCTURED = ["content-type", "application/cloudevents+json"];
const none = Buffer.alloc(0);

function structured(members: string, contentType = "application/cloudevents+json"): ReturnType<typeof decodeEvent> {
  return decodeEvent(["Content-Type", contentType], Buffer.from(`{${members}}`));
}
const BASE = '"specversion":"1.0","id":"1","source":"/a","type":"t"';

describe("binary", () => {
  test("keeps the data as it is and reads every attribute", () => {
    const body = Buffer.from("<a/>");
    const event = decodeEvent(
      [...REQUIRED, "CE-Subject", "caf%C3%A9 %22", "ce-Ext1", "5", "Content-Type", "text/xml", "x-other", "1"],
      body,
    );
    expect(event.body).toBe(body);
    expect(event).toMatchObject({ form: "binary", specVersion: "1.0", dataContentType: "text/xml" });
    expect([...event.attributes]).toEqual([
      ["id", "1"],
      ["source", "/a"],
      ["type", "t"],
      ["subject", 'café "'],
      ["ext1", "5"],
    ]);
    expect(eventAttribute(event, "specversion")).toBe("1.0");
    expect(eventAttribute(event, "datacontenttype")).toBe("text/xml");
    expect(eventAttribute(event, "absent")).toBeUndefined();
  });

  test("keeps version 0.3, and every digit of a time", () => {
    const time = "2024-01-31T12:00:00.123456789+05:30";
    const event = decodeEvent(
      ["ce-specversion", "0.3", ...REQUIRED.slice(2), "ce-time", time, "ce-schemaurl", "http://x/y"],
      none,
    );
    expect(event.specVersion).toBe("0.3");
    expect(event.attributes.get("time")).toBe(time);
  });

  test("unquotes a quoted value, decodes once, and leaves a lone percent sign", () => {
    const read = (raw: string) => decodeEvent([...REQUIRED, "ce-subject", raw], none).attributes.get("subject");
    expect(read('"a \\" b"')).toBe('a " b');
    expect(read("%2541")).toBe("%41");
    expect(read("100%")).toBe("100%");
    expect(read(Buffer.from("é", "utf8").toString("latin1"))).toBe("é");
  });

  test.each<[string, string[], string]>([
    ["no version", REQUIRED.slice(2), "not a CloudEvent: send ce-specversion"],
    [
      "a version of the future",
      ["ce-specversion", "19.0", ...REQUIRED.slice(2)],
      'specversion: "19.0" is not supported',
    ],
    ["no id", ["ce-specversion", "1.0", ...REQUIRED.slice(4)], "id: missing or empty"],
    ["an empty type", [...REQUIRED.slice(0, 6), "ce-type", ""], "type: missing or empty"],
    ["a doubled header", [...REQUIRED, "CE-ID", "2"], "ce-id: the header is there twice"],
    [
      "two content types",
      [...REQUIRED, "content-type", "a/b", "Content-Type", "a/b"],
      "content-type: the header is there twice",
    ],
    ["a bad name", [...REQUIRED, "ce-my_ext", "1"], '"my_ext" is no attribute name'],
    ["a reserved name", [...REQUIRED, "ce-data", "1"], "it is reserved"],
    ["ce-datacontenttype", [...REQUIRED, "ce-datacontenttype", "a/b"], "this is the content-type header"],
    ["bytes that are not UTF-8", [...REQUIRED, "ce-subject", "%ff"], "ce-subject: not UTF-8"],
    ["a time that is none", [...REQUIRED, "ce-time", "yesterday"], 'time: "yesterday" is not an RFC 3339 time'],
    ["a source with spaces", [...REQUIRED.slice(0, 4), "ce-source", "a%20b", "ce-type", "t"], "is not a URI-reference"],
    ["a line break", [...REQUIRED, "ce-subject", "a%0Ab"], "subject: control characters are not allowed"],
    ["a media type that is none", [...REQUIRED, "content-type", "json"], 'datacontenttype: "json" is not a media type'],
    ["too many", [...REQUIRED, ...Array.from({ length: 200 }, (_, n) => [`ce-x${n}`, ""]).flat()], "more than 128"],
  ])("refuses %s", (_, headers, message) => {
    expect(() => decodeEvent(headers, none)).toThrow(MalformedEventError);
    expect(() => decodeEvent(headers, none)).toThrow(message);
  });
});

describe("structured", () => {
  test("keeps the document, and writes typed extensions as strings", () => {
    const event = structured(
      `${BASE},"flag":true,"count":-2147483648,"gone":null,"data":{"n":12345678901234567890}`,
      "Application/CloudEvents+JSON;charset=UTF-8",
    );
    expect(event.form).toBe("structured");
    expect(event.body.toString()).toContain("12345678901234567890");
    expect([...event.attributes.keys()]).toEqual(["id", "source", "type", "flag", "count"]);
    expect(event.attributes.get("flag")).toBe("true");
    expect(event.attributes.get("count")).toBe("-2147483648");
  });

  test.each([
    [`${BASE},"data":1,"data_base64":"AA=="`, "only one of them is allowed"],
    [`${BASE},"id":"2"`, '"id" is there twice'],
    [`${BASE},"my-ext":"2"`, '"my-ext" is no attribute name'],
    [`${BASE},"ext":{}`, "ext: must be a string, a boolean or an integer of 32 bits"],
    [`${BASE},"ext":2147483648`, "ext: must be a string, a boolean or an integer of 32 bits"],
    [`${BASE},"ext":1.5`, "ext: must be a string, a boolean or an integer of 32 bits"],
    [`${BASE},"subject":1`, "subject: must be a string"],
    [`${BASE},"subject":""`, 'subject: "" is not a non-empty text'],
    ['"specversion":1.0,"id":"1","source":"/a","type":"t"', "specversion: must be a string"],
    ['"id":"1","source":"/a","type":"t"', "specversion: missing"],
    ['"specversion":"0.3","id":"1","source":"/a","type":"t","data_base64":"AA=="', "unknown to version 0.3"],
    [`${BASE},`, "body: not valid JSON: expected a member's name"],
  ])("refuses %s", (members, message) => {
    expect(() => structured(members)).toThrow(MalformedEventError);
    expect(() => structured(members)).toThrow(message);
  });

  test("refuses bytes that are not UTF-8, and other formats", () => {
    expect(() => decodeEvent(STRUCTURED, Buffer.from([0x7b, 0xff, 0x7d]))).toThrow("body: not UTF-8");
    expect(() => decodeEvent(["content-type", "application/cloudevents+xml"], none)).toThrow(
      expect.objectContaining({ status: 415 }),
    );
  });
});

describe("batch", () => {
  test("is split into slices of the body", () => {
    const body = Buffer.from(`[{${BASE}} , {${BASE},"data":[1, 2]}]`);
    const events = decodeBatch(body, 10);
    expect(events.map((event) => event.body.toString())).toEqual([`{${BASE}}`, `{${BASE},"data":[1, 2]}`]);
    expect(events[1]?.body.buffer).toBe(body.buffer);
  });

  test("is refused whole, naming the element", () => {
    const body = Buffer.from(`[{${BASE}},{"specversion":"1.0"}]`);
    expect(() => decodeBatch(body, 10)).toThrow("event 1 of the batch: id: missing or empty");
    expect(() => decodeBatch(body, 1)).toThrow("more than 1 elements");
    expect(() => decodeBatch(Buffer.from("{}"), 10)).toThrow("batch: not valid JSON: expected a JSON array");
    expect(() => decodeEvent(["content-type", "application/cloudevents-batch+json"], body)).toThrow("a batch is not");
  });
});

test("messageMode tells apart what carries an event", () => {
  expect(messageMode(REQUIRED)).toBe("binary");
  expect(messageMode([...REQUIRED, ...STRUCTURED])).toBe("structured");
  expect(messageMode(["content-type", "application/json"])).toBe("none");
  expect(messageMode([])).toBe("none");
});
