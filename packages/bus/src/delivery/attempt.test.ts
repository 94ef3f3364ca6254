import { describe, expect, test } from "@jest/globals";
import { decodeEvent } from "@kelvin/cloudevents";
import { openStubBus } from "../stub/stub-bus.ts";
import { makeMemoryDeadLetterStore } from "../stub/memory-dead-letter-store.ts";
import { makeVirtualTime } from "../simulator/virtual-time.ts";
import { makeConsumer } from "./consumer.fixture.ts";
import type { Consumer } from "./consumer.ts";
import type { SendOutcome, SendRequest } from "./sender.ts";
import { openStreamDelivery } from "./stream-delivery.ts";

const EVENT = [
  "ce-specversion",
  "1.0",
  "ce-id",
  "1",
  "ce-source",
  "/s",
  "ce-type",
  "t",
  "ce-secret",
  "x",
  "traceparent",
  "00-1",
];

const CONSUMER = makeConsumer("c", {
  uid: "u",
  subscriber: { url: "http://subscriber" },
  retryPolicy: { retry: 1, backoff: { policy: "linear", delayMs: 100 }, timeoutMs: 1_000 },
});

const accepted = { kind: "answered", status: 202, headers: [], body: Buffer.alloc(0) } as const;

function answer(status: number, body = "", headers: string[] = []): SendOutcome {
  return { kind: "answered", status, headers, body: Buffer.from(body) };
}

/** Delivers one event and tells what was posted where, what came back into the stream, and what the store has. */
async function deliver(consumer: Partial<Consumer>, answers: (request: SendRequest) => SendOutcome) {
  const time = makeVirtualTime();
  const posts: SendRequest[] = [];
  const replies: string[] = [];
  const store = makeMemoryDeadLetterStore({ bytesMax: 1_000_000, clock: time });
  const spec = { id: "s", partitions: 1, unfinishedBytesMax: 1_000_000 };
  const delivery = await openStreamDelivery(
    openStubBus({ clock: time }),
    { log: spec, reading: "shared", handoffMs: 1_000, inFlightMax: 10 },
    {
      clock: time,
      random: () => 0,
      sender: {
        send(request) {
          posts.push(request);
          return Promise.resolve(answers(request));
        },
      },
      deadLetters: store,
      stream: {
        privateAttributes: ["secret"],
        acceptReply(reply) {
          replies.push(reply.body.toString());
          return Promise.resolve();
        },
      },
      note: () => undefined,
      onFault: (error) => {
        throw error;
      },
    },
  );
  await delivery.setConsumers([{ ...CONSUMER, ...consumer }]);
  await delivery.log.append({ headers: EVENT, body: Buffer.from("data") });
  await time.runUntil(1_000_000);
  return { posts, replies, letters: await store.list("c", { limit: 10 }) };
}

test("the subscriber gets the event without what is the stream's own business", async () => {
  const { posts, letters } = await deliver({}, () => accepted);
  expect(posts.map(({ purpose }) => purpose)).toEqual(["deliver"]);
  const { message } = posts[0]!;
  expect(message.headers).not.toContain("ce-secret");
  expect(message.headers.slice(-2)).toEqual(["traceparent", "00-1"]);
  expect(message.body.toString()).toBe("data");
  expect(letters).toEqual([]);
});

describe("dead letters", () => {
  test("go to the sink with the error extensions, the answer cut so that it decodes", async () => {
    const long = "x".repeat(5_000);
    const { posts } = await deliver({ deadLetter: { url: "http://dls" } }, ({ purpose }) =>
      purpose === "deadLetter" ? accepted : answer(500, long),
    );
    expect(posts.map(({ purpose }) => purpose)).toEqual(["deliver", "deliver", "deadLetter"]);
    const { message } = posts[2]!;
    const event = decodeEvent(message.headers, message.body);
    expect(event.attributes.get("knativeerrordest")).toBe("http://subscriber");
    expect(event.attributes.get("knativeerrorcode")).toBe("500");
    const data = event.attributes.get("knativeerrordata") ?? "";
    expect(data).toHaveLength(1_024);
    expect(Buffer.from(data, "base64").toString()).toBe(long.slice(0, 768));
    expect(event.attributes.has("secret")).toBe(false);
  });

  test("go to the store when the sink does not take them, or there is none", async () => {
    const refused = await deliver({ deadLetter: { url: "http://dls" } }, () => answer(400, "no"));
    expect(refused.letters).toMatchObject([{ reason: "DeadLetterSinkFailed", consumerId: "c" }]);
    const rejected = await deliver({}, () => answer(400, "no"));
    expect(rejected.posts).toHaveLength(1);
    expect(rejected.letters).toMatchObject([{ reason: "Rejected", detail: "http://subscriber answered 400: no" }]);
    const exhausted = await deliver({}, () => ({ kind: "unanswered", reason: "refused" }));
    expect(exhausted.posts).toHaveLength(2);
    expect(exhausted.letters).toMatchObject([{ reason: "RetriesExhausted" }]);
    expect(exhausted.letters[0]?.body.toString()).toBe("data");
  });
});

describe("replies", () => {
  const event = ["ce-specversion", "1.0", "ce-id", "2", "ce-source", "/r", "ce-type", "r"];
  const intoStream: Partial<Consumer> = { reply: { kind: "stream" } };

  test("an event goes back into the stream; 202 carries none, an empty answer is none", async () => {
    expect((await deliver(intoStream, () => answer(200, "reply", event))).replies).toEqual(["reply"]);
    expect((await deliver(intoStream, () => answer(202, "reply", event))).replies).toEqual([]);
    expect((await deliver(intoStream, () => answer(200))).replies).toEqual([]);
    expect((await deliver({}, () => answer(200, "reply", event))).replies).toEqual([]);
  });

  test("a body that is no event fails in a stream, and is ignored where replies go elsewhere", async () => {
    const failed = await deliver(intoStream, () => answer(200, "hello"));
    expect(failed.posts).toHaveLength(2);
    expect(failed.letters[0]?.detail).toContain("502: the answer has a body that is no CloudEvent");
    const elsewhere = { reply: { kind: "to", destination: { url: "http://reply" } } } as const;
    const ignored = await deliver(elsewhere, () => answer(200, "hello"));
    expect([ignored.posts.length, ignored.letters.length]).toEqual([1, 0]);
  });

  test("a reply that nobody takes makes a dead letter of the original", async () => {
    const elsewhere = { reply: { kind: "to", destination: { url: "http://reply" } } } as const;
    const { posts, letters } = await deliver(elsewhere, ({ purpose }) =>
      purpose === "deliver" ? answer(200, "reply", event) : answer(503),
    );
    expect(posts.map(({ purpose }) => purpose)).toEqual(["deliver", "reply", "reply"]);
    expect(letters).toMatchObject([{ reason: "ReplyFailed", detail: "http://reply answered 503: " }]);
    expect(letters[0]?.body.toString()).toBe("data");
  });
});

test("without an address events wait, and no attempt is counted", async () => {
  const { posts, letters } = await deliver({ subscriber: undefined }, () => accepted);
  expect([posts.length, letters.length]).toEqual([0, 0]);
});
