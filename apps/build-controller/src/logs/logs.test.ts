import { appendFile, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, jest, test } from "@jest/globals";
import { silentLog } from "@kelvin/controller";
import { buildHttpApp, createLogger } from "@kelvin/http-service";
import { makeCallPlaces, NotFoundError, systemClock, type Pod, type PodLogOptions, type PodLogs } from "@kelvin/kube";
import { openFakeKube, secret } from "@kelvin/testkit";
import fc from "fast-check";
import { build, container, ended, running, storedPod } from "../../test/builders.ts";
import { collectLog, type CollectDeps, type OutputState } from "./collect-log.ts";
import { openDirectoryLogStore } from "./directory-log-store.ts";
import { emptyEnd, endAfter, makeResume } from "./log-end.ts";
import { openLogReader } from "./log-access.ts";
import { openLogKeeper } from "./log-keeper.ts";
import { splitLogLines } from "./log-lines.ts";
import { addLogRoutes } from "./log-routes.ts";
import type { LogName, LogStore } from "./log-store.ts";
import { makeMask } from "./mask.ts";
import { decideStaleLogs } from "./sweep-logs.ts";

jest.setTimeout(30_000);

let directory: string;
let store: LogStore;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kelvin-logs-"));
  store = openDirectoryLogStore(directory);
});
afterEach(() => rm(directory, { recursive: true }));

const name: LogName = { namespace: "default", build: "b", buildUid: "u1", pod: "b-pod-1", container: "build-step-a" };

async function kept(which: LogName = name): Promise<string> {
  let text = "";
  for await (const chunk of store.read(which)) text += chunk.toString();
  return text;
}

const line = (second: number, text: string): string => `2026-01-01T00:00:${String(second).padStart(2, "0")}.5Z ${text}`;

/** A container whose output the test writes; every read may be cut off after some bytes. */
function fakeOutput() {
  const state = { lines: [] as string[], is: "running" as OutputState, cutAfterBytes: undefined as number | undefined };
  const changed: (() => void)[] = [];
  const wake = (): void => changed.splice(0).forEach((resolve) => resolve());
  async function* openLog(
    _: unknown,
    { follow = false, sinceTime = "", signal }: PodLogOptions,
  ): AsyncGenerator<Buffer> {
    let sent = 0;
    const cut = state.cutAfterBytes;
    state.cutAfterBytes = undefined;
    let index = state.lines.findIndex((text) => text.slice(0, 19) >= sinceTime.slice(0, 19));
    if (index < 0) index = state.lines.length;
    for (;;) {
      for (; index < state.lines.length; index += 1) {
        const bytes = Buffer.from(`${state.lines[index]}\n`);
        if (cut !== undefined && sent + bytes.length > cut) {
          yield bytes.subarray(0, cut - sent);
          throw new Error("the connection broke");
        }
        sent += bytes.length;
        yield bytes;
      }
      if (!follow || state.is !== "running") return;
      signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        changed.push(resolve);
        signal.addEventListener("abort", () => resolve(), { once: true });
      });
      signal.throwIfAborted();
    }
  }
  return {
    state,
    podLogs: { openLog } as PodLogs,
    write(...lines: string[]) {
      state.lines.push(...lines);
      wake();
    },
    end() {
      state.is = "ended";
      wake();
    },
  };
}

function depsOf(output: ReturnType<typeof fakeOutput>, more: Partial<CollectDeps> = {}): CollectDeps {
  return {
    podLogs: output.podLogs,
    store,
    clock: { ...systemClock, sleep: (_, signal) => systemClock.sleep(1, signal) },
    log: silentLog,
    stateOf: () => output.state.is,
    mask: () => Promise.resolve((text) => text),
    bytesMax: () => 1_000_000,
    places: makeCallPlaces(4),
    ...more,
  };
}

async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  for (let tries = 0; tries < 3000; tries += 1) {
    if (await condition()) return;
    await systemClock.sleep(5);
  }
  throw new Error(`never came about: ${condition.toString()}`);
}

describe("going on with a log", () => {
  test("leaves out what is kept, and nothing else, also among lines of one time", () => {
    const lines = [line(1, "a"), line(2, "b"), line(2, "c"), line(2, "c"), line(3, "d")];
    fc.assert(
      fc.property(fc.nat({ max: lines.length }), fc.nat({ max: lines.length }), (keptCount, from) => {
        const end = endAfter(emptyEnd, lines.slice(0, keptCount));
        // The server begins at or before the second of the last line that is kept.
        const firstOfLast = lines.findIndex((text) => text.slice(0, 20) === (end.lastTime ?? "").slice(0, 20));
        const start = Math.min(from, Math.max(0, firstOfLast));
        expect(lines.slice(start).filter(makeResume(end))).toEqual(lines.slice(keptCount));
      }),
      { seed: 1 },
    );
  });

  test("compares times of different precision", () => {
    const end = endAfter(emptyEnd, ["2026-01-01T00:00:01.1Z a"]);
    const isNew = makeResume(end);
    expect(["2026-01-01T00:00:01Z x", "2026-01-01T00:00:01.1Z a", "2026-01-01T00:00:01.12Z b"].map(isNew)).toEqual([
      false,
      false,
      true,
    ]);
  });
});

describe("the directory", () => {
  test("keeps lines, where they end, and that they are all", async () => {
    const writer = await store.open(name);
    await writer.append([line(1, "a"), line(2, "b"), line(2, "c")]);
    await writer.close();
    const again = await store.open(name);
    expect(again.end).toEqual({
      lastTime: "2026-01-01T00:00:02.5Z",
      lastTimeCount: 2,
      bytes: (await kept()).length,
      isComplete: false,
    });
    await again.complete();
    await again.close();
    const third = await store.open(name);
    expect(third.end.isComplete).toBe(true);
    await third.close();
    expect(await store.list(name)).toMatchObject([{ container: "build-step-a", isComplete: true }]);
  });

  test("cuts off a line that a killed writer left half", async () => {
    const writer = await store.open(name);
    await writer.append([line(1, "a")]);
    await writer.close();
    const file = join(directory, "default", "b.u1", "b-pod-1", "build-step-a.log");
    await appendFile(file, line(2, "half").slice(0, 20));
    const again = await store.open(name);
    expect(again.end).toMatchObject({ lastTime: "2026-01-01T00:00:01.5Z", lastTimeCount: 1 });
    await again.append([line(2, "whole")]);
    await again.close();
    expect(await kept()).toBe(`${line(1, "a")}\n${line(2, "whole")}\n`);
  });

  test.each([1, 3000, 20_000])("finds the end of %d lines of one time", async (count) => {
    const writer = await store.open(name);
    await writer.append(Array.from({ length: count }, (_, index) => line(1, `${index}`)));
    await writer.close();
    const again = await store.open(name);
    expect(again.end.lastTimeCount).toBe(count);
    await again.close();
  });

  test("forgets a Build whole, and tells Builds of one name apart", async () => {
    for (const buildUid of ["u1", "u2"]) {
      const writer = await store.open({ ...name, buildUid });
      await writer.append([line(1, buildUid)]);
      await writer.close();
    }
    expect((await store.listBuilds()).map(({ buildUid }) => buildUid)).toEqual(["u1", "u2"]);
    await store.remove(name);
    expect((await store.listBuilds({ namespace: "default", build: "b" })).map(({ buildUid }) => buildUid)).toEqual([
      "u2",
    ]);
    expect(await kept()).toBe("");
  });

  test.each([{ namespace: ".." }, { pod: "../x" }, { container: "a/b" }, { build: "..", buildUid: "" }])(
    "has no place for %j",
    async (wrong) => {
      await expect((async () => await store.open({ ...name, ...wrong }))()).rejects.toBeInstanceOf(RangeError);
      expect(await readdir(directory)).toEqual([]);
    },
  );
});

describe("lines", () => {
  async function split(chunks: string[], takesRest = true): Promise<string[]> {
    const all: string[] = [];
    async function* source(): AsyncGenerator<Buffer> {
      for (const chunk of chunks) yield Buffer.from(chunk);
    }
    for await (const lines of splitLogLines(source(), { batchMax: 2, takesRest })) all.push(...lines);
    return all;
  }

  test("are cut wherever the chunks are", async () => {
    expect(await split(["a\nb", "c\n", "d\n\ne"])).toEqual(["a", "bc", "d", "", "e"]);
    expect(await split(["a\nb"], false)).toEqual(["a"]);
  });

  test("of any length take little memory", async () => {
    const lines = await split(["x".repeat(300_000), "y".repeat(300_000), "\nz\n"]);
    expect(lines.map(({ length }) => length)).toEqual([262_144, 1]);
  });
});

describe("collecting", () => {
  test("follows a container to its end", async () => {
    const output = fakeOutput();
    const collector = collectLog(name, depsOf(output), new AbortController().signal);
    output.write(line(1, "a"));
    await until(async () => (await kept()).includes("a"));
    output.write(line(2, "b"));
    output.end();
    await collector.done;
    expect(await kept()).toBe(`${line(1, "a")}\n${line(2, "b")}\n`);
    expect((await store.list(name))[0]?.isComplete).toBe(true);
  });

  test("neither loses nor repeats a line, wherever connections break and however often it is killed", async () => {
    const all = Array.from({ length: 40 }, (_, index) => line(Math.floor(index / 7), `line ${index}`));
    const output = fakeOutput();
    const cuts = fc.sample(fc.nat({ max: 700 }), { seed: 7, numRuns: 12 });
    for (const [round, cutAfterBytes] of cuts.entries()) {
      output.write(...all.slice(Math.floor((round * 40) / 12), Math.floor(((round + 1) * 40) / 12)));
      output.state.cutAfterBytes = cutAfterBytes;
      const killed = new AbortController();
      const collector = collectLog(name, depsOf(output), killed.signal);
      await systemClock.sleep(cutAfterBytes % 9);
      killed.abort();
      await collector.done;
    }
    output.end();
    await collectLog(name, depsOf(output), new AbortController().signal).done;
    expect((await kept()).trimEnd().split("\n")).toEqual(all);
  });

  test("catches up before a Pod is deleted, and goes on", async () => {
    const output = fakeOutput();
    const killed = new AbortController();
    const collector = collectLog(name, depsOf(output), killed.signal);
    await until(async () => (await store.list(name)).length > 0);
    output.state.lines.push(line(1, "nobody was told"));
    await collector.catchUp();
    expect(await kept()).toContain("nobody was told");
    output.write(line(2, "the end"));
    output.end();
    await collector.done;
    expect(await kept()).toBe(`${line(1, "nobody was told")}\n${line(2, "the end")}\n`);
  });

  test("stops at the limit and says so", async () => {
    const output = fakeOutput();
    output.write(...Array.from({ length: 20 }, (_, index) => line(index, "x".repeat(50))));
    await collectLog(name, depsOf(output, { bytesMax: () => 300 }), new AbortController().signal).done;
    const lines = (await kept()).trimEnd().split("\n");
    expect(lines).toHaveLength(5);
    expect(lines.at(-1)).toContain("[the rest is not kept: more than 300 bytes, see config-build]");
  });

  test("keeps nothing that it could not mask", async () => {
    const output = fakeOutput();
    let tries = 0;
    const mask = () => {
      tries += 1;
      return tries < 3 ? Promise.reject(new Error("the secrets are not known")) : Promise.resolve(() => "masked");
    };
    output.write(line(1, "secret"));
    output.end();
    await collectLog(name, depsOf(output, { mask }), new AbortController().signal).done;
    expect(await kept()).toBe("masked\n");
  });

  test("ends when the Pod is gone", async () => {
    const output = fakeOutput();
    const podLogs: PodLogs = {
      // oxlint-disable-next-line require-yield -- it fails before it gives anything
      async *openLog() {
        throw new NotFoundError('pods "x" not found');
      },
    };
    await collectLog(name, depsOf(output, { podLogs }), new AbortController().signal).done;
    expect((await store.list(name))[0]?.isComplete).toBe(true);
  });
});

describe("masking", () => {
  const key = `-----BEGIN OPENSSH PRIVATE KEY-----\n${"k".repeat(70)}\n${"l".repeat(70)}\n-----END OPENSSH PRIVATE KEY-----\n`;
  const basic = secret("s", { username: "anna", password: "p@ss w0rd" }, (object) => {
    object.type = "kubernetes.io/basic-auth";
  });
  const config = secret("d", {
    ".dockerconfigjson": JSON.stringify({ auths: { x: { auth: Buffer.from("u:hunter22").toString("base64") } } }),
  });
  const mask = makeMask([
    basic,
    config,
    secret("k", { "ssh-privatekey": key, known_hosts: "github.com ssh-ed25519 AAAA" }),
  ]);

  test.each([
    ["login with p@ss w0rd now", "login with *** now"],
    ["https://anna:p%40ss%20w0rd@x", "https://anna:***@x"],
    [`Basic ${Buffer.from("anna:p@ss w0rd").toString("base64")}`, "Basic ***"],
    [Buffer.from("p@ss w0rd").toString("base64"), "***"],
    ["password hunter22", "password ***"],
    [`key ${"l".repeat(70)}`, "key ***"],
    ["user anna", "user anna"],
    ["-----BEGIN OPENSSH PRIVATE KEY-----", "-----BEGIN OPENSSH PRIVATE KEY-----"],
    ["github.com ssh-ed25519 AAAA", "github.com ssh-ed25519 AAAA"],
  ])("%s", (given, want) => {
    expect(mask(given)).toBe(want);
  });
});

describe("which logs go", () => {
  const stored = (which: string, bytes: number, writtenMs: number) => {
    const [, namespace = "a", buildName = ""] = /^(?:(\w)\/)?(.*)$/.exec(which) ?? [];
    return { namespace, build: buildName, buildUid: buildName, bytes, writtenMs };
  };
  const all = [stored("old", 10, 100), stored("mid", 10, 500), stored("new", 10, 900), stored("b/other", 99, 1)];
  const decide = (bytes: number, retentionMs: number, [present, active = []]: [string[], string[]?]) =>
    decideStaleLogs(
      all,
      { bytesPerNamespaceMax: bytes, retentionMs },
      {
        isThere: ({ build: which }) => present.includes(which),
        isRunning: ({ build: which }) => active.includes(which),
        nowMs: 1000,
      },
    ).map(({ build: which }) => which);

  test.each<[string, string[], string[]]>([
    ["none", decide(1000, 10_000, [[]]), []],
    ["those of Builds that are long gone", decide(1000, 600, [[]]), ["old", "other"]],
    ["not those of Builds that are there", decide(1000, 0, [["old", "mid", "new", "other"]]), []],
    ["the oldest of too much, in each namespace", decide(25, 10_000, [[]]), ["old"]],
    ["but the newest stays, however large", decide(5, 10_000, [[]]), ["mid", "old"]],
    ["and so do those that are being written", decide(5, 10_000, [[], ["old"]]), ["mid"]],
  ])("%s", (_, got, want) => {
    expect(got).toEqual(want);
  });
});

describe("the keeper", () => {
  const owner = build("b");
  const inRun = storedPod(owner, {
    phase: "Pending",
    initContainerStatuses: [container("build-step-compile", running)],
  });

  test("keeps what containers write from when they start, and drains a Pod", async () => {
    const output = fakeOutput();
    let pod: Pod = inRun;
    let tell: (change: { before: Pod | undefined; after: Pod | undefined }) => void = () => undefined;
    const keeper = openLogKeeper({
      pods: {
        get: () => pod,
        list: () => [],
        onChange(listener) {
          tell = listener;
          return () => undefined;
        },
      },
      podLogs: output.podLogs,
      store,
      clock: systemClock,
      log: silentLog,
      secretsOf: () => Promise.resolve([secret("s", { token: "hunter22" })]),
      bytesPerStepMax: () => 1000,
    });
    tell({ before: undefined, after: pod });
    output.write(line(1, "token hunter22"));
    const which = { ...name, buildUid: "uid-build-b", pod: "b-pod-000001", container: "build-step-compile" };
    await until(async () => (await kept(which)).includes("token ***"));
    output.state.lines.push(line(2, "last words"));
    await keeper.drain(pod);
    expect(await kept(which)).toContain("last words");

    pod = storedPod(owner, { phase: "Failed", initContainerStatuses: [container("build-step-compile", ended(1))] });
    output.end();
    await keeper.drain(pod);
    expect((await store.list(which))[0]?.isComplete).toBe(true);
    await keeper.close();
  });
});

describe("reading", () => {
  const reviews = { authenticated: true, allowed: true };
  function fakeReviews() {
    const kube = openFakeKube();
    const asked: object[] = [];
    return {
      asked,
      create: (async (kind: { kind: string }, object: { metadata: object; spec: object }) => {
        asked.push(object.spec);
        const user = { username: "anna", uid: "1", groups: ["devs"] };
        const status =
          kind.kind === "TokenReview"
            ? { authenticated: reviews.authenticated, ...(reviews.authenticated ? { user } : {}) }
            : { allowed: reviews.allowed };
        return { ...object, status };
      }) as typeof kube.create,
    };
  }
  const log = createLogger("test", { level: "silent" });

  async function ask(url: string, headers: Record<string, string> = { authorization: "Bearer abc" }) {
    const kube = fakeReviews();
    const app = await buildHttpApp({
      name: "test",
      log,
      routes: (fastify) => addLogRoutes(fastify, { store, access: openLogReader(kube) }),
    });
    const { statusCode, body } = await app.inject({ url, headers });
    await app.close();
    return { statusCode, body, asked: kube.asked };
  }

  beforeEach(async () => {
    Object.assign(reviews, { authenticated: true, allowed: true });
    for (const which of ["build-step-a", "build-step-b"]) {
      const writer = await store.open({ ...name, container: which });
      await writer.append([line(1, `from ${which}`), line(2, "done")]);
      await writer.close();
    }
  });

  test("who may get pods/log reads all steps", async () => {
    const { statusCode, body, asked } = await ask("/v1/namespaces/default/builds/b/log");
    expect(statusCode).toBe(200);
    expect(body).toBe(
      "[build-step-a] from build-step-a\n[build-step-a] done\n[build-step-b] from build-step-b\n[build-step-b] done\n",
    );
    expect(asked[1]).toEqual({
      user: "anna",
      uid: "1",
      groups: ["devs"],
      extra: undefined,
      resourceAttributes: { namespace: "default", verb: "get", group: "", resource: "pods", subresource: "log" },
    });
  });

  test("or one, with times", async () => {
    const { body } = await ask("/v1/namespaces/default/builds/b/log?container=build-step-a&timestamps=true");
    expect(body).toBe(`${line(1, "from build-step-a")}\n${line(2, "done")}\n`);
  });

  test("or what there is", async () => {
    const { body } = await ask("/v1/namespaces/default/builds/b/logs");
    expect(JSON.parse(body)).toMatchObject({ logs: [{ container: "build-step-a" }, { container: "build-step-b" }] });
  });

  test.each<[string, string, Record<string, string>, Partial<typeof reviews>, number]>([
    ["no token", "b", {}, {}, 401],
    ["a password", "b", { authorization: "Basic abc" }, {}, 401],
    ["a wrong token", "b", { authorization: "Bearer x" }, { authenticated: false }, 401],
    ["somebody who may not", "b", { authorization: "Bearer x" }, { allowed: false }, 403],
    ["no such Build", "c", { authorization: "Bearer x" }, {}, 404],
    ["no name", "..%2f..%2fetc", { authorization: "Bearer x" }, {}, 404],
  ])("%s is refused", async (...[, which, headers, verdict, want]) => {
    Object.assign(reviews, verdict);
    const { statusCode, body } = await ask(`/v1/namespaces/default/builds/${which}/log`, headers);
    expect(statusCode).toBe(want);
    expect(JSON.parse(body)).toMatchObject({ message: expect.any(String) });
    expect(body).not.toContain("from build-step");
  });
});
