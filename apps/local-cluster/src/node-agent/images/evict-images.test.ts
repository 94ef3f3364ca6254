import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openContentStore } from "@kelvin/oci";
import { evictImages } from "./evict-images.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kelvin-evict-"));
  // Oldest first; a layer of 100 bytes is shared by the first two.
  addImage("a", 1, ["1", "2"]);
  addImage("b", 2, ["1", "3"]);
  addImage("c", 3, ["4"]);
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const digestOf = (name: string): string => `sha256:${name.repeat(64)}`;
const pathOf = (name: string): string => openContentStore(directory).pathOf(digestOf(name));

function addImage(key: string, usedSeconds: number, layers: string[]): void {
  const home = join(directory, "roots", key);
  mkdirSync(join(home, "rootfs"), { recursive: true });
  const blobs = layers.map((name) => ({ digest: digestOf(name), size: 100 }));
  for (const name of layers) writeFileSync(pathOf(name), "x");
  writeFileSync(join(home, "image.json"), JSON.stringify({ key, id: key, config: {}, bytes: 1000, blobs }));
  utimesSync(home, usedSeconds, usedSeconds);
}

async function left(bytesMax: number, used: string[] = []): Promise<string> {
  await evictImages({ directory, bytesMax, isUsed: (key) => used.includes(key), abandonedBeforeMs: 0 });
  const images = ["a", "b", "c"].filter((key) => existsSync(join(directory, "roots", key)));
  const blobs = ["1", "2", "3", "4"].filter((name) => existsSync(pathOf(name)));
  return `${images.join("")} ${blobs.join("")}`;
}

test.each([
  ["within the limit all stay", 3400, [], "abc 1234"],
  ["the longest unused goes first, and not the layer that another needs", 3399, [], "bc 134"],
  ["what a Pod uses stays", 3399, ["a"], "ac 124"],
  ["all may go but that", 0, ["b"], "b 13"],
] as [string, number, string[], string][])("%s", async (...[, bytesMax, used, expected]) => {
  expect(await left(bytesMax, used)).toBe(expected);
});

test("what a killed pull has left half done goes, and what one is at stays", async () => {
  const store = openContentStore(directory);
  const [old, recent] = [store.temporaryPath(), store.temporaryPath()];
  for (const path of [old, recent]) mkdirSync(join(path, "rootfs"), { recursive: true });
  utimesSync(old, 1, 1);
  await evictImages({ directory, bytesMax: 3400, isUsed: () => false, abandonedBeforeMs: 2_000 });
  expect([existsSync(old), existsSync(recent)]).toEqual([false, true]);
});
