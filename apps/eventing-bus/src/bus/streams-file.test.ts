import { expect, test } from "@jest/globals";
import { decodeEvent } from "@kelvin/cloudevents";
import { parseStreams } from "./streams-file.ts";

const consumer = { id: "c", subscriber: "http://127.0.0.1:1/" };
const file = (...streams: object[]): string => {
  const base = { name: "default/s", kind: "broker", consumers: [consumer] };
  return JSON.stringify({ streams: streams.map((stream) => ({ ...base, ...stream })) });
};

test("a stream and its consumers", () => {
  const attributes = { type: "order" };
  const [stream] = parseStreams(file({ consumers: [{ ...consumer, attributes, retry: 2, deadLetter: "http://d/" }] }));
  expect(stream).toMatchObject({
    name: "default/s",
    kind: "broker",
    consumers: [{ id: "c", deadLetter: { url: "http://d/" }, retryPolicy: { retry: 2 }, reply: { kind: "stream" } }],
  });
  const event = (type: string) =>
    decodeEvent(["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", type], Buffer.alloc(0));
  const matches = stream?.consumers[0]?.matches;
  expect([matches?.(event("order")), matches?.(event("other"))]).toEqual([true, false]);
});

test.each([
  ["{", "not valid JSON"],
  ["[]", "the file: must be an object"],
  ["{}", "streams: must be a list"],
  [file({ name: "s" }), "streams[0].name: must be <namespace>/<name>"],
  [file({ kind: "topic" }), 'streams[0].kind: must be "broker" or "channel"'],
  [
    file({ consumers: [{ ...consumer, subscriber: "ftp://x" }] }),
    "consumers[0].subscriber: must be an http or https URL",
  ],
  [file({ consumers: [{ ...consumer, retry: -1 }] }), "consumers[0].retry: must be a number of retries"],
  [file({}, {}), "two of them have the same name"],
])("refuses %s", (text, message) => {
  expect(() => parseStreams(text)).toThrow(message);
});
