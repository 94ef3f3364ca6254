import { execFileSync } from "node:child_process";
import { createReadStream } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, readlink, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { digestOf } from "./digest.ts";
import { packLayer } from "./pack-layer.ts";
import { unpackLayer } from "./unpack-layer.ts";

let dir: string;
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), "kelvin-pack-"))));
afterEach(async () => await rm(dir, { recursive: true }));

const longName = `${"long-".repeat(30)}/${"ü".repeat(100)}.txt`;

async function makeTree(name: string, order: "up" | "down"): Promise<string> {
  const root = join(dir, name);
  const files = ["b.txt", "a/x.txt", "a-b", "B", longName, "empty"];
  for (const file of order === "up" ? files : files.toReversed()) {
    await mkdir(join(root, file, ".."), { recursive: true });
    await writeFile(join(root, file), file === "empty" ? "" : file, { mode: file === "B" ? 0o700 : 0o600 });
    await utimes(join(root, file), order === "up" ? 1 : 2, 3);
  }
  await symlink("/etc/passwd", join(root, "link"));
  return root;
}

test("the same content makes the same bytes, and comes back as it was", async () => {
  const one = await packLayer(await makeTree("one", "up"), join(dir, "one.gz"));
  const two = await packLayer(await makeTree("two", "down"), join(dir, "two.gz"));
  expect(two).toEqual(one);
  const bytes = await readFile(join(dir, "one.gz"));
  expect(bytes.equals(await readFile(join(dir, "two.gz")))).toBe(true);
  expect(one.descriptor).toEqual({
    mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
    size: bytes.length,
    digest: digestOf(bytes),
  });
  await mkdir(join(dir, "back"));
  const report = await unpackLayer(createReadStream(join(dir, "one.gz")), join(dir, "back"), { diffId: one.diffId });
  expect(report).toMatchObject({ entries: one.entries, bytes: one.bytes, skipped: 0 });
  expect(await readFile(join(dir, "back", longName), "utf8")).toBe(longName);
  expect(await readlink(join(dir, "back", "link"))).toBe("/etc/passwd");
  expect((await stat(join(dir, "back", "B"))).mode & 0o777).toBe(0o755);
  expect((await stat(join(dir, "back", "b.txt"))).mode & 0o777).toBe(0o644);
});

test("tar reads it, in the order of bytes", async () => {
  await packLayer(await makeTree("one", "up"), join(dir, "one.gz"), { prefix: "srv/app" });
  const listing = execFileSync("tar", ["-tvzf", join(dir, "one.gz")], { encoding: "utf8" }).split("\n");
  expect(listing[0]).toMatch(/^drwxr-xr-x 0\/0 +0 1970-01-01 00:00 srv\/$/);
  expect(
    listing.map((line) => line.split(/ \d\d:\d\d /)[1]?.slice(0, 20)).filter((name) => name !== undefined),
  ).toEqual([
    "srv/",
    "srv/app/",
    "srv/app/B",
    "srv/app/a/",
    "srv/app/a/x.txt",
    "srv/app/a-b",
    "srv/app/b.txt",
    "srv/app/empty",
    "srv/app/link -> /etc",
    "srv/app/long-long-lo",
    "srv/app/long-long-lo",
  ]);
});

test("takes only what is asked for, less what is excluded", async () => {
  const options = { only: ["a", "b.txt", "empty"], isExcluded: (path: string) => path === "a/x.txt" };
  const layer = await packLayer(await makeTree("one", "up"), join(dir, "one.gz"), options);
  expect(layer).toMatchObject({ entries: 3, bytes: 5 });
  await mkdir(join(dir, "back"));
  await unpackLayer(createReadStream(join(dir, "one.gz")), join(dir, "back"));
  expect((await readdir(join(dir, "back"), { recursive: true })).toSorted()).toEqual(["a", "b.txt", "empty"]);
});

test("what is not there, and an abort, are errors", async () => {
  await expect(packLayer(join(dir, "none"), join(dir, "x.gz"))).rejects.toThrow("ENOENT");
  const signal = AbortSignal.abort(new Error("stop"));
  await expect(packLayer(await makeTree("one", "up"), join(dir, "x.gz"), { signal })).rejects.toThrow();
});
