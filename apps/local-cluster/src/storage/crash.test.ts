import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ApiObject } from "../api-server/api-object.ts";
import { openJournal, type FileJournalOptions } from "./file-journal.ts";
import { openStore, type Store } from "./store.ts";

// What a crash can leave behind, byte by byte. Every case is opened, written to, and opened again.

let directory: string;
beforeEach(async () => {
  // Hundreds of cases, each with syncs: in memory where there is such a place, for no power fails here.
  directory = await mkdtemp(join(existsSync("/dev/shm") ? "/dev/shm" : tmpdir(), "kelvin-crash-"));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

type Files = Readonly<Record<string, Buffer>>;

async function open(dataDir: string, options?: FileJournalOptions): Promise<Store> {
  const { journal, recovered } = await openJournal(dataDir, options);
  return openStore({ journal, initial: recovered });
}

function object(name: string): ApiObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "n" }, data: { é: "" } };
}

function put(store: Store, name: string): number {
  return Number(store.put({ type: "t", namespace: "n", name }, object(name)).metadata.resourceVersion);
}

function namesIn(store: Store): string[] {
  return store.list("t").map(({ metadata }) => metadata.name ?? "");
}

async function readFiles(dataDir: string): Promise<Files> {
  const folder = join(dataDir, "store");
  const names = await readdir(folder);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(join(folder, name))] as const)),
  );
}

/** Opens what a crash left, writes one more object, opens again. Returns what was there first. */
async function recoverFrom(place: string, files: Files): Promise<{ names: string[]; revision: number }> {
  const folder = join(directory, place, "store");
  await mkdir(folder, { recursive: true });
  await Promise.all(Object.entries(files).map(([name, bytes]) => writeFile(join(folder, name), bytes)));
  const store = await open(join(directory, place));
  const [names, revision] = [namesIn(store), store.revision];
  put(store, "zz");
  await store.close();
  const again = await open(join(directory, place));
  expect(namesIn(again)).toEqual([...names, "zz"]);
  expect(again.revision).toBeGreaterThan(revision);
  await again.close();
  await rm(join(directory, place), { recursive: true });
  return { names, revision };
}

/** Many at a time, for they mostly wait for the disk. */
async function forEach<T>(all: readonly T[], check: (one: T, at: number) => Promise<void>): Promise<void> {
  const batch = 32;
  for (let from = 0; from < all.length; from += batch) {
    await Promise.all(all.slice(from, from + batch).map((one, at) => check(one, from + at)));
  }
}

describe("a crash", () => {
  test("at any byte of the log keeps what was acknowledged, whatever stands behind", async () => {
    const dataDir = join(directory, "first");
    const store = await open(dataDir);
    const states: { bytes: number; names: string[]; revision: number }[] = [];
    const log = async (): Promise<Buffer> => (await readFiles(dataDir))["log-1.jsonl"] ?? Buffer.alloc(0);
    for (const name of ["a", "b"]) {
      const revision = put(store, name);
      await store.durable();
      states.push({ bytes: (await log()).length, names: namesIn(store), revision });
    }
    const whole = await log();
    // No close: it is the crash.
    const cuts = Array.from({ length: whole.length + 1 }, (_, at) => at);
    const tails = [Buffer.alloc(0), Buffer.alloc(64), Buffer.from('x"}\n{"'), Buffer.from("\0\n\n")];
    await forEach(cuts, async (cut, at) => {
      const tail = tails[at % tails.length] ?? Buffer.alloc(0);
      const left = await recoverFrom(`cut-${cut}`, { "log-1.jsonl": Buffer.concat([whole.subarray(0, cut), tail]) });
      const last = states.filter(({ bytes }) => bytes <= cut).at(-1);
      expect({ cut, names: left.names }).toEqual({ cut, names: last?.names ?? [] });
      // No revision is handed out before the first line, which promises them, is on disk.
      const isPromised = cut > whole.indexOf("\n");
      expect(left.revision).toBeGreaterThanOrEqual(isPromised ? (states.at(-1)?.revision ?? 0) : 0);
    });
    await store.close();
  }, 30_000);

  test("at any byte of a snapshot that is being written loses nothing", async () => {
    const dataDir = join(directory, "first");
    const store = await open(dataDir);
    const revision = Math.max(put(store, "a"), put(store, "b"));
    await store.close();
    const before = await readFiles(dataDir);
    await (await open(dataDir, { logsMax: 1 })).close();
    const after = await readFiles(dataDir);
    const snapshot = after["snapshot-2.jsonl"] ?? Buffer.alloc(0);
    expect(snapshot.length).toBeGreaterThan(200);
    const cuts = Array.from({ length: snapshot.length + 1 }, (_, at) => at);
    await forEach(cuts, async (cut) => {
      const left = await recoverFrom(`cut-${cut}`, {
        ...before,
        "log-2.jsonl": after["log-2.jsonl"] ?? Buffer.alloc(0),
        "snapshot-2.jsonl.new": snapshot.subarray(0, cut),
      });
      expect({ cut, names: left.names }).toEqual({ cut, names: ["a", "b"] });
      expect(left.revision).toBeGreaterThanOrEqual(revision);
    });
    // And after it got its name, with some of the old files removed.
    const { names } = await recoverFrom("renamed", { ...before, ...after });
    expect(names).toEqual(["a", "b"]);
  }, 30_000);

  test("between a full log and its snapshot keeps both logs", async () => {
    const dataDir = join(directory, "first");
    const store = await open(dataDir, { logBytesMax: 600 });
    const first = (await readFiles(dataDir))["log-1.jsonl"];
    let files: Files = {};
    // A log that is full goes on while a snapshot is being written.
    for (let index = 0; files["log-2.jsonl"] === undefined && index < 500; index++) {
      put(store, `c${index % 3}`);
      await store.durable();
      files = { "log-1.jsonl": first ?? Buffer.alloc(0), ...(await readFiles(dataDir)) };
    }
    expect(Object.keys(files)).toContain("log-2.jsonl");
    const before = namesIn(store);
    await store.close();
    const { names } = await recoverFrom("again", await readFiles(dataDir));
    expect(names).toEqual(before);
  });
});
