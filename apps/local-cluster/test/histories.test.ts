import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { ConfigMap, systemClock, type Clock } from "@kelvin/kube";
import fc from "fast-check";
import { listAt, recordAt, recordsAt, stringAt, type JsonObject } from "../src/api-server/api-object.ts";
import { openApiServer, type ApiServer } from "../src/api-server/open-api-server.ts";
import { makeRawClient, type RawAnswer, type RawClient } from "../src/api-server/testing/raw-client.ts";
import { seed } from "./hostile-values.ts";
import { openWatchStream, type WatchStream } from "./watch-stream.ts";

// Random histories against a model: what the server lists is what the model has, and what every watch tells, from wherever
// it began, is what happened since: each change once, in order, across restarts and forgotten history.

const isLong = process.env["KELVIN_TEST_LONG"] === "1";
const histories = isLong ? 600 : 30;
const finalizer = "kelvin.dev/test";
/** More changes of one kind than a store remembers. */
const churnCount = 3_100;

type Command =
  | {
      readonly do: "create" | "merge" | "json" | "apply" | "strategic";
      readonly name: string;
      readonly value: string;
      readonly isHeld: boolean;
    }
  | {
      readonly do: "put";
      readonly name: string;
      readonly value: string;
      readonly version: "none" | "current" | "stale";
    }
  | { readonly do: "finalizers"; readonly name: string; readonly isHeld: boolean }
  | { readonly do: "delete"; readonly name: string }
  | { readonly do: "deleteCollection" | "pages" | "bookmarks" | "restart" | "churn" | "check" }
  | { readonly do: "watch"; readonly back: number }
  | { readonly do: "unwatch" | "resume"; readonly which: number };

const name = fc.constantFrom("a", "b", "c", "d");
const value = fc.constantFrom("1", "2", 'é\u2028"');
const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 16,
    arbitrary: fc.record({
      do: fc.constantFrom("create", "merge", "json", "apply", "strategic"),
      name,
      value,
      isHeld: fc.boolean(),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant("put"), name, value, version: fc.constantFrom("none", "current", "stale") }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("finalizers"), name, isHeld: fc.boolean() }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("delete"), name }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constantFrom("deleteCollection", "pages", "bookmarks", "check") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom("restart") }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("watch"), back: fc.nat(30) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("unwatch", "resume"), which: fc.nat(5) }) },
) as fc.Arbitrary<Command>;

interface Held {
  value: string;
  isHeld: boolean;
  isTerminating: boolean;
  version: number;
}

interface Change {
  readonly type: string;
  readonly name: string;
  readonly value: string;
  /** Unknown for a removal until a watch has told. */
  version: number | undefined;
}

interface Follower {
  readonly stream: WatchStream;
  /** How many changes had happened at the revision it began from. */
  readonly from: number;
}

let dataDir = "";
let server: ApiServer;
let client: RawClient;
/** What waits for the minute to be over: the bookmarks, and the sweep of Events. */
const eachMinute = new Set<() => void>();
const minuteMs = 60_000;
const clock: Clock = {
  ...systemClock,
  setTimer(callback, delayMs) {
    if (delayMs !== minuteMs) return systemClock.setTimer(callback, delayMs);
    eachMinute.add(callback);
    return () => eachMinute.delete(callback);
  },
};

async function start(): Promise<void> {
  server = await openApiServer({ dataDir, clock, listen: [{ host: "127.0.0.1", port: 0 }] });
  client = makeRawClient(server);
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "kelvin-histories-"));
  await start();
});
afterAll(async () => {
  await server.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** The model of one namespace, and what is known of it from outside. */
class History {
  readonly #namespace: string;
  readonly #path: string;
  readonly #objects = new Map<string, Held>();
  readonly #changes: Change[] = [];
  #followers: Follower[] = [];
  /** Changes before this one are forgotten by the server: by compaction or a restart. */
  #forgotten = 0;
  #highest = 0;

  constructor(namespace: string) {
    this.#namespace = namespace;
    this.#path = `/api/v1/namespaces/${namespace}/configmaps`;
  }

  async begin(): Promise<void> {
    await client.call("POST", "/api/v1/namespaces", { body: { metadata: { name: this.#namespace } } });
    await this.#follow(0, this.#noteVersion(await client.call("GET", this.#path)));
  }

  async run(one: Command): Promise<void> {
    switch (one.do) {
      case "create":
        return this.#create(one.name, one.value, one.isHeld);
      case "merge":
      case "strategic":
      case "json":
      case "apply":
        return this.#patch(one.do, one.name, one.value);
      case "put":
        return this.#put(one.name, one.value, one.version);
      case "finalizers":
        return this.#setFinalizers(one.name, one.isHeld);
      case "delete":
        return this.#delete(one.name);
      case "deleteCollection":
        return this.#deleteCollection();
      default:
        return this.#look(one);
    }
  }

  async #look(one: Command): Promise<void> {
    switch (one.do) {
      case "pages":
        return this.#checkPages();
      case "bookmarks":
        return this.#bookmarks();
      case "watch":
        return this.#watchBack(one.back);
      case "unwatch":
      case "resume":
        return this.#leave(one.which, one.do === "resume");
      case "churn":
        return this.#churn();
      case "restart":
        return this.#restart();
      default:
        return this.check();
    }
  }

  #noteVersion({ json }: RawAnswer): number {
    const version = Number(stringAt(json, "metadata", "resourceVersion"));
    expect(version).toBeGreaterThanOrEqual(this.#highest);
    this.#highest = version;
    return version;
  }

  #put_(name: string, answer: RawAnswer, next: Omit<Held, "version">): void {
    const before = this.#objects.get(name);
    const version = Number(stringAt(answer.json, "metadata", "resourceVersion"));
    if (version === before?.version) return;
    expect(version).toBeGreaterThan(this.#highest);
    this.#highest = version;
    this.#objects.set(name, { ...next, version });
    this.#changes.push({ type: before === undefined ? "ADDED" : "MODIFIED", name, value: next.value, version });
  }

  #remove(name: string, value: string): void {
    this.#objects.delete(name);
    this.#changes.push({ type: "DELETED", name, value, version: undefined });
  }

  async #create(name: string, value: string, isHeld: boolean): Promise<void> {
    const before = this.#objects.get(name);
    const body = { metadata: { name, finalizers: isHeld ? [finalizer] : [] }, data: { value } };
    const answer = await client.call("POST", this.#path, { body });
    expect(answer.code).toBe(before === undefined ? 201 : 409);
    if (before === undefined) this.#put_(name, answer, { value, isHeld, isTerminating: false });
  }

  async #patch(type: "merge" | "strategic" | "json" | "apply", name: string, value: string): Promise<void> {
    const before = this.#objects.get(name);
    const contentTypes = {
      merge: "application/merge-patch+json",
      strategic: "application/strategic-merge-patch+json",
      json: "application/json-patch+json",
      apply: "application/apply-patch+yaml",
    };
    const whole = { apiVersion: "v1", kind: "ConfigMap", data: { value } };
    const body =
      type === "json" ? [{ op: "add", path: "/data/value", value }] : type === "apply" ? whole : { data: { value } };
    const query = type === "apply" ? `?force=true&fieldManager=m${value.length}` : "";
    const answer = await client.call("PATCH", `${this.#path}/${name}${query}`, {
      body,
      contentType: contentTypes[type],
    });
    if (before === undefined && type !== "apply") return expect(answer.code).toBe(404);
    expect(answer.code).toBe(before === undefined ? 201 : 200);
    expect(stringAt(answer.json, "data", "value")).toBe(value);
    const version = Number(stringAt(answer.json, "metadata", "resourceVersion"));
    // What changes nothing makes no event; an apply may change owners only.
    if (before?.value !== value) expect(version).not.toBe(before?.version);
    else if (type !== "apply") expect(version).toBe(before.version);
    this.#put_(name, answer, { isHeld: false, isTerminating: false, ...before, value });
  }

  async #put(name: string, value: string, version: "none" | "current" | "stale"): Promise<void> {
    const before = this.#objects.get(name);
    const resourceVersion =
      version === "none" ? undefined : String((before?.version ?? 1) - (version === "stale" ? 1 : 0));
    const finalizers = before?.isHeld === true ? [finalizer] : [];
    const answer = await client.call("PUT", `${this.#path}/${name}`, {
      body: { metadata: { name, resourceVersion, finalizers }, data: { value } },
    });
    if (before === undefined) return expect(answer.code).toBe(404);
    expect(answer.code).toBe(version === "stale" ? 409 : 200);
    if (version === "stale") return;
    if (before.value === value)
      expect(stringAt(answer.json, "metadata", "resourceVersion")).toBe(String(before.version));
    this.#put_(name, answer, { ...before, value });
  }

  async #setFinalizers(name: string, isHeld: boolean): Promise<void> {
    const before = this.#objects.get(name);
    const answer = await client.call("PATCH", `${this.#path}/${name}`, {
      body: { metadata: { finalizers: isHeld ? [finalizer] : null } },
      contentType: "application/merge-patch+json",
    });
    if (before === undefined) return expect(answer.code).toBe(404);
    expect(answer.code).toBe(200);
    if (before.isTerminating && !isHeld) {
      this.#remove(name, before.value);
      this.#noteVersion(answer);
    } else this.#put_(name, answer, { ...before, isHeld });
  }

  async #delete(name: string): Promise<void> {
    const before = this.#objects.get(name);
    const answer = await client.call("DELETE", `${this.#path}/${name}`);
    expect(answer.code).toBe(before === undefined ? 404 : 200);
    if (before === undefined) return;
    if (before.isHeld) this.#put_(name, answer, { ...before, isTerminating: true });
    else this.#remove(name, before.value);
  }

  async #deleteCollection(): Promise<void> {
    expect((await client.call("DELETE", this.#path)).code).toBe(200);
    const before = [...this.#objects].sort(([a], [b]) => (a < b ? -1 : 1));
    const { json } = await client.call("GET", this.#path);
    const left = new Map(recordsAt(json, "items").map((item) => [stringAt(item, "metadata", "name"), item]));
    for (const [each, held] of before) {
      const item = left.get(each);
      expect(item !== undefined).toBe(held.isHeld);
      if (item === undefined) this.#remove(each, held.value);
      else this.#put_(each, { code: 200, headers: {}, text: "", json: item }, { ...held, isTerminating: true });
    }
  }

  async #checkPages(): Promise<void> {
    const found: string[] = [];
    let token = "";
    do {
      const { code, json } = await client.call("GET", `${this.#path}?limit=2&continue=${token}`);
      expect(code).toBe(200);
      found.push(...recordsAt(json, "items").map((item) => stringAt(item, "metadata", "name")));
      token = stringAt(json, "metadata", "continue");
    } while (token !== "");
    expect(found).toEqual([...this.#objects.keys()].sort());
  }

  /** A bookmark never runs ahead of an event that is still to come on its stream: `#checkFollower` sees to that. */
  async #bookmarks(): Promise<void> {
    const counts = this.#followers.map(({ stream }) => bookmarksOf(stream).length);
    const due = [...eachMinute];
    for (const callback of due) callback();
    await Promise.all(
      this.#followers.map(({ stream }, at) => stream.until(() => bookmarksOf(stream).length > (counts[at] ?? 0))),
    );
  }

  async #follow(from: number, version: number, query = ""): Promise<void> {
    const path = `${this.#path}?watch=1&allowWatchBookmarks=true&resourceVersion=${version}${query}`;
    this.#followers.push({ stream: await openWatchStream(server, path), from });
  }

  async #watchBack(back: number): Promise<void> {
    await this.#settle();
    const known = this.#changes.map(({ version = 0 }, at) => ({ version, after: at + 1 }));
    const start = known.at(-1 - (back % Math.max(known.length, 1)));
    if (start === undefined) return;
    if (start.after >= this.#forgotten) return this.#follow(start.after, start.version);
    const stream = await openWatchStream(server, `${this.#path}?watch=1&resourceVersion=${start.version}`);
    await stream.until(() => stream.events.length > 0);
    expect(stream.events).toMatchObject([{ type: "ERROR", object: { kind: "Status", code: 410, reason: "Expired" } }]);
    await stream.until(() => stream.isEnded).catch(() => undefined);
  }

  /** Leaves a watch, perhaps to go on from its last bookmark or event, as a client does whose connection broke. */
  async #leave(which: number, isResumed: boolean): Promise<void> {
    // The first one tells the revisions of removals, and stays.
    const follower = this.#followers[1 + (which % Math.max(this.#followers.length - 1, 1))];
    if (follower === undefined) return;
    await this.#settle();
    follower.stream.close();
    this.#followers = this.#followers.filter((other) => other !== follower);
    const version = Number(stringAt(follower.stream.events.at(-1), "object", "metadata", "resourceVersion"));
    const from = this.#changes.filter((change) => (change.version ?? 0) <= version).length;
    if (isResumed && version > 0 && from >= this.#forgotten) await this.#follow(from, version);
  }

  async #churn(): Promise<void> {
    await this.#settle();
    const key = { namespace: "default", name: "churn" };
    if ((await server.kube.find(ConfigMap, key)) === undefined)
      await server.kube.create(ConfigMap, { metadata: { ...key } });
    for (let count = 0; count < churnCount; count++) {
      await server.kube.patch(ConfigMap, key, {
        type: "merge",
        body: { data: { count: String(count), life: server.url } },
      });
    }
    this.#forgotten = this.#changes.length + 1;
    this.#highest = this.#noteVersion(await client.call("GET", this.#path));
  }

  async #restart(): Promise<void> {
    await this.check();
    await server.close();
    for (const { stream } of this.#followers) await stream.until(() => stream.isEnded).catch(() => undefined);
    this.#followers = [];
    await start();
    this.#forgotten = this.#changes.length + 1;
    const list = await client.call("GET", this.#path);
    this.#checkList(list);
    await this.#follow(this.#changes.length, this.#noteVersion(list));
  }

  /** Waits until the first watch has told of the last change, and learns the revisions of removals from it. */
  async #settle(): Promise<void> {
    const [first] = this.#followers;
    if (first === undefined) return;
    const expected = this.#changes.slice(first.from);
    await first.stream.until(() => eventsOf(first.stream).length >= expected.length);
    for (const [at, change] of expected.entries()) change.version ??= versionOf(eventsOf(first.stream)[at]);
    this.#highest = Math.max(this.#highest, this.#changes.at(-1)?.version ?? 0);
  }

  #checkList({ json }: RawAnswer): void {
    const found = recordsAt(json, "items").map((item) => ({
      name: stringAt(item, "metadata", "name"),
      value: stringAt(item, "data", "value"),
      isHeld: listAt(item, "metadata", "finalizers").length > 0,
      isTerminating: stringAt(item, "metadata", "deletionTimestamp") !== "",
      version: Number(stringAt(item, "metadata", "resourceVersion")),
    }));
    const expected = [...this.#objects].sort(([a], [b]) => (a < b ? -1 : 1));
    expect(found).toEqual(expected.map(([each, held]) => ({ name: each, ...held })));
  }

  #checkFollower({ stream, from }: Follower): void {
    const expected = this.#changes.slice(from);
    expect(eventsOf(stream).map(summaryOf)).toEqual(expected);
    let told = 0;
    for (const event of stream.events) {
      const version = versionOf(event);
      expect(version).toBeGreaterThanOrEqual(told);
      if (event["type"] !== "BOOKMARK") expect(version).toBeGreaterThan(told);
      told = version;
    }
  }

  async check(): Promise<void> {
    await this.#settle();
    const list = await client.call("GET", this.#path);
    this.#checkList(list);
    this.#noteVersion(list);
    for (const follower of this.#followers) {
      const count = this.#changes.length - follower.from;
      await follower.stream.until(() => eventsOf(follower.stream).length >= count);
      this.#checkFollower(follower);
    }
    // A client that begins now learns the same as one that was there all the time.
    const path = `${this.#path}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`;
    const fresh = await openWatchStream(server, path);
    await fresh.until(() => bookmarksOf(fresh).length > 0);
    const initial = eventsOf(fresh).map((event) => stringAt(event, "object", "metadata", "name"));
    expect(initial).toEqual([...this.#objects.keys()].sort());
    fresh.close();
  }

  end(): void {
    for (const { stream } of this.#followers) stream.close();
  }
}

function eventsOf({ events }: WatchStream): JsonObject[] {
  return events.filter(({ type }) => type !== "BOOKMARK");
}

function bookmarksOf({ events }: WatchStream): JsonObject[] {
  return events.filter(({ type }) => type === "BOOKMARK");
}

function versionOf(event: unknown): number {
  return Number(stringAt(event, "object", "metadata", "resourceVersion"));
}

function summaryOf(event: JsonObject): Change {
  const object = recordAt(event, "object");
  return {
    type: String(event["type"]),
    name: stringAt(object, "metadata", "name"),
    value: stringAt(object, "data", "value"),
    version: versionOf(event),
  };
}

test(
  `${histories} random histories: every list and every watch tells what happened, once and in order`,
  async () => {
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(command, { minLength: 10, maxLength: 60, size: "max" }), async (commands) => {
        const history = new History(`h${count++}`);
        await history.begin();
        try {
          for (const one of commands) await history.run(one);
          await history.check();
        } finally {
          history.end();
        }
      }),
      { seed, numRuns: histories, endOnFailure: !isLong },
    );
  },
  histories * 4_000,
);

test("watches from before forgotten history are told so, and those after it go on", async () => {
  const history = new History("forgetful");
  await history.begin();
  const commands: Command[] = [
    { do: "create", name: "a", value: "1", isHeld: false },
    { do: "merge", name: "a", value: "2" },
    { do: "churn" },
    { do: "watch", back: 0 },
    { do: "merge", name: "a", value: "1" },
    { do: "watch", back: 0 },
    { do: "watch", back: 1 },
    { do: "bookmarks" },
    { do: "delete", name: "a" },
    { do: "restart" },
    { do: "watch", back: 0 },
    { do: "create", name: "b", value: "1", isHeld: true },
    { do: "watch", back: 0 },
    { do: "delete", name: "b" },
  ].map((one) => ({ isHeld: false, ...one })) as Command[];
  for (const one of commands) await history.run(one);
  await history.check();
  history.end();
}, 60_000);
