import { expect, test } from "@jest/globals";
import { decodeEvent } from "@kelvin/cloudevents";
import { outgoing, takeInHand } from "./event-in-hand.ts";

const BINARY = ["ce-specversion", "1.0", "ce-id", "1%20a", "CE-Source", "/s", "ce-type", "t", "ce-secret", "x"];
const STRUCTURED = '{"specversion":"1.0","id":"1","source":"/s","type":"t","secret":"x","data":{"n":1}}';
const remove = ["secret"];

test("what goes on in its own form is as it came, less what is removed", () => {
  const headers = [...BINARY, "content-type", "text/plain", "traceparent", "00-1", "secret", "kept"];
  const body = Buffer.from("data");
  const message = outgoing(takeInHand(headers, body), undefined, { remove });
  expect(message.headers).toEqual([
    ...BINARY.slice(0, 8),
    "content-type",
    "text/plain",
    "traceparent",
    "00-1",
    "secret",
    "kept",
  ]);
  expect(message.body).toBe(body);
  expect(outgoing(takeInHand(headers, body), "binary", {}).headers).toEqual(headers);
  expect(headers).toContain("ce-secret");
});

test("what is extended, or changes its form, is written anew", () => {
  const hand = takeInHand([...BINARY, "content-type", "text/plain", "traceparent", "00-1"], Buffer.from("data"));
  const extended = outgoing(hand, undefined, { set: { knativeerrorcode: "500" }, remove });
  expect(extended.headers.join(" ")).toBe(
    "ce-specversion 1.0 ce-id 1%20a ce-source /s ce-type t ce-knativeerrorcode 500 content-type text/plain traceparent 00-1",
  );
  const structured = outgoing(hand, "structured", { remove });
  expect(JSON.parse(structured.body.toString())).toEqual({
    specversion: "1.0",
    id: "1 a",
    source: "/s",
    type: "t",
    datacontenttype: "text/plain",
    data: "data",
  });
  const other = takeInHand(["content-type", "application/cloudevents+json"], Buffer.from(STRUCTURED));
  expect(outgoing(other, undefined, { remove }).body.toString()).not.toContain("secret");
  expect(outgoing(other, "binary", { remove }).body.toString()).toBe('{"n":1}');
});

test("what was accepted is read as it was then; what lacks what every event has is none", () => {
  const { event } = takeInHand(BINARY, Buffer.alloc(0));
  expect(Object.fromEntries(event?.attributes ?? [])).toEqual({ id: "1 a", source: "/s", type: "t", secret: "x" });
  expect(event).toEqual(decodeEvent(BINARY, Buffer.alloc(0)));
  expect(takeInHand(BINARY.slice(0, 6), Buffer.alloc(0)).event).toBeUndefined();
});

test("what is no event goes on whole", () => {
  const hand = takeInHand(["content-type", "text/csv"], Buffer.from("a,b"));
  expect(outgoing(hand, "structured", { remove, set: { code: "1" } })).toEqual({
    headers: ["content-type", "text/csv", "ce-code", "1"],
    body: Buffer.from("a,b"),
  });
});
