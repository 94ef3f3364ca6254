import { mkdtemp, readdir, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import type { ApiObject } from "../api-server/api-object.ts";
import { openJournal, type FileJournalOptions } from "./file-journal.ts";
import { openStore, type Store } from "./store.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "kelvin-journal-"));
});
afterEach(async () => {
  await rm(dataDir, { recursive: true, force: true });
});

const volatileTypes = new Set(["leases"]);

async function open(options?: FileJournalOptions): Promise<Store> {
  const { journal, recovered } = await openJournal(dataDir, options);
  return openStore({ journal, initial: recovered, volatileTypes });
}

function object(name: string, value: string): ApiObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "n" }, data: { value } };
}

function key(name: string, type = "configmaps"): { type: string; namespace: string; name: string } {
  return { type, namespace: "n", name };
}

async function lastLog(): Promise<string> {
  const names = (await readdir(join(dataDir, "store"))).filter((name) => name.startsWith("log-"));
  return join(dataDir, "store", names.sort().at(-1) ?? "");
}

describe("a store on disk", () => {
  test("has the same objects after a restart, and a higher revision", async () => {
    const first = await open();
    first.put(key("a"), object("a", "1"));
    first.put(key("b"), object("b", "1"));
    first.put(key("a"), object("a", "2"));
    const gone = first.get(key("b"));
    first.remove(key("b"), { ...gone!, metadata: { ...gone!.metadata } });
    await first.durable();
    // No close: the process was killed.
    const second = await open();
    expect(second.list("configmaps")).toEqual(first.list("configmaps"));
    expect(second.revision).toBeGreaterThan(first.revision);
    await Promise.all([first.close(), second.close()]);
  });

  test("never hands out a revision twice, though the last commits were not written", async () => {
    const first = await open();
    for (let index = 0; index < 100; index++) first.put(key("a"), object("a", String(index)));
    const seen = first.revision;
    const second = await open();
    expect(second.revision).toBeGreaterThanOrEqual(seen);
    await Promise.all([first.close(), second.close()]);
  });

  test("a watch from before the restart has to list again", async () => {
    const first = await open();
    const { resourceVersion } = first.put(key("a"), object("a", "1")).metadata;
    await first.close();
    const second = await open();
    expect(() => second.watch("configmaps", Number(resourceVersion), () => undefined)).toThrow(/too old/);
    await second.close();
  });

  test("goes on writing after a torn tail", async () => {
    const first = await open();
    first.put(key("a"), object("a", "1"));
    await first.close();
    await truncate(await lastLog(), (await readFile(await lastLog())).length - 3);
    const second = await open();
    second.put(key("b"), object("b", "1"));
    await second.close();
    const third = await open();
    expect(third.list("configmaps").map(({ metadata }) => metadata.name)).toEqual(["b"]);
    await third.close();
  });

  test("refuses a snapshot that is damaged, rather than lose objects silently", async () => {
    const first = await open();
    first.put(key("a"), object("a", "1"));
    await first.close();
    await (await open({ logsMax: 1 })).close();
    const name = (await readdir(join(dataDir, "store"))).find((file) => file.startsWith("snapshot-")) ?? "";
    const path = join(dataDir, "store", name);
    await truncate(path, (await readFile(path)).length - 4);
    await expect(open()).rejects.toThrow(/is damaged at byte/);
  });

  test("makes a snapshot when the log has grown, and drops the logs before it", async () => {
    const store = await open({ logBytesMax: 2_000 });
    for (let index = 0; index < 100; index++) {
      store.put(key(`c${index % 7}`), object(`c${index % 7}`, String(index)));
      await store.durable();
    }
    const before = store.list("configmaps");
    await store.close();
    // While one snapshot is written the next log may fill up; nothing older than the last snapshot is left.
    const names = (await readdir(join(dataDir, "store"))).sort();
    const [snapshot] = names.filter((name) => name.startsWith("snapshot-"));
    expect(names).toEqual([snapshot?.replace("snapshot", "log"), snapshot]);
    const again = await open();
    expect(again.list("configmaps")).toEqual(before);
    await again.close();
  });

  test("makes a snapshot at a start only when there are many logs, or large ones", async () => {
    const namesAfter = async (options?: FileJournalOptions): Promise<string[]> => {
      await (await open(options)).close();
      return (await readdir(join(dataDir, "store"))).sort();
    };
    const first = await open();
    first.put(key("a"), object("a", "1"));
    await first.close();
    expect(await namesAfter()).toEqual(["log-1.jsonl", "log-2.jsonl"]);
    expect(await namesAfter({ logBytesMax: 100 })).toEqual(["log-3.jsonl", "snapshot-3.jsonl"]);
    expect(await namesAfter({ logsMax: 2 })).toEqual(["log-3.jsonl", "log-4.jsonl", "snapshot-3.jsonl"]);
    expect(await namesAfter({ logsMax: 2 })).toEqual(["log-5.jsonl", "snapshot-5.jsonl"]);
    const last = await open();
    expect(last.list("configmaps")).toHaveLength(1);
    await last.close();
  });

  test("freezes what it recovered before anybody gets it", async () => {
    const first = await open();
    first.put(key("a"), object("a", "1"));
    first.put(key("b"), object("b", "1"));
    await first.close();
    const second = await open();
    const [got, listed] = [second.get(key("b")), second.list("configmaps")[0]];
    const previous: unknown[] = [];
    second.watch("configmaps", second.revision, (event) => previous.push(event.previous));
    second.put(key("a"), object("a", "2"));
    for (const each of [got, listed, ...previous]) {
      expect(Object.isFrozen(each)).toBe(true);
      expect(Object.isFrozen((each as ApiObject)["data"])).toBe(true);
    }
    await second.close();
  });

  test("keeps volatile types in memory only", async () => {
    const first = await open();
    first.put(key("l", "leases"), object("l", "1"));
    await first.close();
    const second = await open();
    expect(second.list("leases")).toEqual([]);
    await second.close();
  });

  test("many commits share a write", async () => {
    const store = await open();
    const acknowledged = Array.from({ length: 500 }, (_, index) => {
      store.put(key(`c${index}`), object(`c${index}`, "1"));
      return store.durable();
    });
    await Promise.all(acknowledged);
    await store.close();
    const again = await open();
    expect(again.list("configmaps")).toHaveLength(500);
    await again.close();
  });
});
