import { describe, expect, test } from "@jest/globals";
import { makeVirtualTime } from "../simulator/virtual-time.ts";
import { makeMemoryDeadLetterStore } from "../stub/memory-dead-letter-store.ts";
import { openStubBus } from "../stub/stub-bus.ts";
import { makeConsumer } from "./consumer.fixture.ts";
import type { Consumer } from "./consumer.ts";
import type { SendOutcome, SendRequest } from "./sender.ts";
import { openStreamDelivery } from "./stream-delivery.ts";

interface Message {
  readonly headers: string[];
  readonly body: string;
}

/** Offers a message to a stream that looks at none, whose subscriber answers with these in turn. */
async function deliver({ headers, body }: Message, answers: readonly SendOutcome[], changes: Partial<Consumer> = {}) {
  const time = makeVirtualTime();
  const posts: SendRequest[] = [];
  const store = makeMemoryDeadLetterStore({ bytesMax: 1_000_000, clock: time });
  const delivery = await openStreamDelivery(
    openStubBus({ clock: time }),
    {
      log: { id: "s", partitions: 1, unfinishedBytesMax: 1_000_000 },
      reading: "each",
      handoffMs: 1_000,
      inFlightMax: 10,
    },
    {
      clock: time,
      random: () => 0,
      sender: {
        send(request) {
          posts.push(request);
          return Promise.resolve(answers[posts.length - 1] ?? answer(202));
        },
      },
      deadLetters: store,
      stream: { privateAttributes: [], isOpaque: true, acceptReply: () => Promise.resolve() },
      note: () => undefined,
      onFault: (error) => {
        throw error;
      },
    },
  );
  // A retry waits in a step log: what comes of it must be whole as well.
  const retryPolicy = { retry: 1, backoff: { policy: "linear", delayMs: 20_000 }, timeoutMs: 5_000 } as const;
  await delivery.setConsumers([makeConsumer("c", { retryPolicy, ...changes })]);
  await delivery.log.append({ headers, body: Buffer.from(body) });
  await time.runUntil(1_000_000);
  const letters = await store.list("c", { limit: 10 });
  return { delivery, time, posts, letters };
}

function read({ headers, body }: { readonly headers: readonly string[]; readonly body: Buffer }): Message {
  return { headers: [...headers], body: body.toString() };
}

function answer(status: number, body = "", headers: string[] = []): SendOutcome {
  return { kind: "answered", status, headers, body: Buffer.from(body) };
}

describe("what nobody looks at", () => {
  test.each<[string, string[], string]>([
    [
      "a structured event, with its spaces and its order",
      ["content-type", "application/cloudevents+json"],
      '{ "type":"t",  "id":"1", "source":"/s", "specversion":"1.0" }',
    ],
    ["a batch", ["content-type", "application/cloudevents-batch+json"], "[]"],
    ["an event that is malformed", ["ce-specversion", "1.0", "ce-id", ""], "data"],
    ["an event of a version that nobody knows", ["ce-specversion", "9", "ce-id", "1"], "data"],
    ["two content types", ["content-type", "a/b", "content-type", "c/d"], "data"],
    ["no event at all", [], ""],
  ])("is delivered as it came, the second time too: %s", async (_, headers, body) => {
    const message = { headers, body };
    const { posts } = await deliver(message, [answer(503)]);
    expect(posts.map((post) => read(post.message))).toEqual([message, message]);
  });

  test("is kept as it came when it cannot be delivered, and put back so", async () => {
    const message = { headers: ["content-type", "application/cloudevents+json"], body: '{ "specversion":"1.0"' };
    const { delivery, time, posts, letters } = await deliver(message, [answer(400)]);
    expect(letters.map(read)).toEqual([message]);
    expect(await delivery.redrive(letters[0]!)).toBe("redriven");
    await time.runUntil(2_000_000);
    expect(posts.map((post) => read(post.message))).toEqual([message, message]);
  });
});

describe("an answer, where any may be sent on", () => {
  const to = { reply: { kind: "anyTo", destination: { url: "http://reply" } } } as const;
  const asked = { headers: ["ce-id", "1", "knative-correlation-id", "c1"], body: "question" };
  const replies = (posts: readonly SendRequest[]): Message[] =>
    posts.filter(({ purpose }) => purpose === "reply").map(({ message }) => read(message));

  test.each<[string, SendOutcome, string[]]>([
    ["no event", answer(200, "hi"), ["knative-correlation-id", "c1"]],
    ["with 202", answer(202, "hi"), ["knative-correlation-id", "c1"]],
    [
      "a structured event",
      answer(200, "{}", ["Content-Type", "application/cloudevents+json"]),
      ["Content-Type", "application/cloudevents+json", "knative-correlation-id", "c1"],
    ],
    [
      "with a correlation of its own",
      answer(200, "hi", ["Knative-Correlation-Id", "c2"]),
      ["Knative-Correlation-Id", "c2"],
    ],
    [
      "with a word for its sender",
      answer(201, "hi", ["Retry-After", "5", "ce-id", "r"]),
      ["ce-id", "r", "knative-correlation-id", "c1"],
    ],
  ])("is posted there as it is, with the correlation of what it answers: %s", async (_, outcome, headers) => {
    const { posts } = await deliver(asked, [outcome], to);
    const body = outcome.kind === "answered" ? outcome.body.toString() : "";
    expect(posts.map(({ destination }) => destination.url)).toEqual(["http://c", "http://reply"]);
    expect(replies(posts)).toEqual([{ headers, body }]);
  });

  test("without a body is none", async () => {
    const { posts, letters } = await deliver(asked, [answer(200, "", ["ce-id", "r", "ce-specversion", "1.0"])], to);
    expect([replies(posts), letters]).toEqual([[], []]);
  });

  test("that cannot be sent on leaves the event in the store, and the subscriber is not asked again", async () => {
    const { posts, letters } = await deliver(asked, [answer(200, "hi"), answer(400, "no")], to);
    expect(posts.map(({ purpose }) => purpose)).toEqual(["deliver", "reply"]);
    expect(letters).toMatchObject([{ reason: "ReplyFailed" }]);
    expect(letters.map(read)).toEqual([asked]);
  });
});
