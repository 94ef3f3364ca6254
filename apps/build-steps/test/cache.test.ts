import { mkdir, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, test } from "@jest/globals";
import { useStepBench } from "./run-command.ts";

const bench = useStepBench();
const scope = "default/0123456789abcdef";

async function write(path: string, content: string): Promise<void> {
  await mkdir(join(bench.path(path), ".."), { recursive: true });
  await writeFile(bench.path(path), content);
}
const read = async (path: string): Promise<string | undefined> =>
  await readFile(bench.path(path), "utf8").catch(() => undefined);

async function cache(
  what: "restore" | "save",
  { branch = "main", store = ["--dir", bench.path("store")], more = [] as string[] } = {},
) {
  const places = ["--workspace", bench.path("workspace"), "--home", bench.path("home")];
  const paths = ["--path=node_modules", "--path=~/.npm", `--path=${bench.path("workspace")}/out/x.txt`];
  const keys = ["--key=package-lock.json", "--key=src/**/*.ts"];
  const run = await bench.run([
    `cache-${what}`,
    `--scope=${scope}`,
    `--branch=${branch}`,
    ...places,
    ...paths,
    ...keys,
    ...store,
    ...more,
  ]);
  return { ...run, cache: run.result("cache"), reason: run.result("cacheReason") ?? "" };
}

/** What a source and a step leave behind. */
async function build(): Promise<void> {
  await write("workspace/package-lock.json", "lock");
  await write("workspace/src/a/b.ts", "b");
  await write("workspace/node_modules/x/index.js", "x");
  await write("home/.npm/y", "y");
  await write("workspace/out/x.txt", "out");
}
async function startOver(): Promise<void> {
  for (const path of ["workspace/node_modules", "workspace/out", "home"]) {
    await rm(bench.path(path), { recursive: true, force: true });
  }
  await mkdir(bench.path("home"));
}
const storeFiles = async (): Promise<string[]> =>
  (await readdir(bench.path("store"), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

describe("the same key files", () => {
  test("bring back what was kept, of the workspace and of the home directory", async () => {
    await build();
    expect(await cache("restore")).toMatchObject({ cache: "miss", reason: expect.stringContaining("nothing is kept") });
    expect(await cache("save")).toMatchObject({ cache: "saved" });
    await startOver();
    const hit = await cache("restore");
    expect(hit).toMatchObject({ cache: "hit", reason: expect.stringContaining('2 key files as a build of "main"') });
    expect(await read("workspace/node_modules/x/index.js")).toBe("x");
    expect(await read("home/.npm/y")).toBe("y");
    expect(await read("workspace/out/x.txt")).toBe("out");
    expect(await cache("save")).toMatchObject({ cache: "skipped", reason: "the entry is kept already" });
  });

  test("are told from others by content, name and what is kept", async () => {
    await build();
    await cache("save");
    await startOver();
    await write("workspace/src/a/b.ts", "changed");
    expect((await cache("restore")).cache).toBe("miss");
    await write("workspace/src/a/b.ts", "b");
    expect((await cache("restore")).cache).toBe("hit");
    await write("workspace/src/c.ts", "");
    expect((await cache("restore")).cache).toBe("miss");
    await rm(bench.path("workspace/src/c.ts"));
    await write("workspace/other.txt", "does not count");
    expect((await cache("restore", { more: ["--path=more"] })).cache).toBe("miss");
    expect((await cache("restore")).cache).toBe("hit");
  });

  test("that are none at all keep nothing", async () => {
    await write("workspace/node_modules/x", "x");
    expect(await cache("restore")).toMatchObject({ cache: "miss", reason: "no file fits the globs of the key" });
    expect(await cache("save")).toMatchObject({ cache: "skipped" });
  });

  test("count as they were before the step", async () => {
    await build();
    await cache("restore");
    await write("workspace/package-lock.json", "changed by the step");
    expect((await cache("save")).cache).toBe("saved");
    await write("workspace/package-lock.json", "lock");
    await startOver();
    expect((await cache("restore")).cache).toBe("hit");
  });
});

describe("branches", () => {
  test("read their own entries and main's, and main reads no other's", async () => {
    await build();
    await cache("save", { branch: "feature" });
    await startOver();
    expect((await cache("restore", { branch: "main" })).cache).toBe("miss");
    expect((await cache("restore", { branch: "feature" })).cache).toBe("hit");
    await startOver();
    await build();
    await cache("save", { branch: "main" });
    await startOver();
    expect((await cache("restore", { branch: "refs/pull/7/head" })).cache).toBe("hit");
  });

  test("that may only read never write", async () => {
    await build();
    expect(await cache("save", { more: ["--read-only"] })).toMatchObject({ cache: "skipped", exitCode: 0 });
    await expect(storeFiles()).rejects.toThrow("ENOENT");
  });
});

describe("an entry that is", () => {
  async function spoil(change: (file: string) => Promise<void>, suffix: string): Promise<void> {
    await build();
    await cache("save");
    await startOver();
    for (const file of await storeFiles()) if (file.endsWith(suffix)) await change(file);
  }

  test.each([
    ["changed", "workspace.tar.gz", async (file: string) => await flipByte(file)],
    ["cut off", "home.tar.gz", async (file: string) => await writeFile(file, (await readFile(file)).subarray(0, 20))],
    ["gone in part", "home.tar.gz", async (file: string) => await rm(file)],
    ["no entry", ".json", async (file: string) => await writeFile(file, '{"archives":[{"root":"/etc"}]}')],
    ["no JSON", ".json", async (file: string) => await writeFile(file, "{")],
  ])("%s is a miss, and nothing of it is restored", async (_, suffix, change) => {
    await spoil(change, suffix);
    expect(await cache("restore")).toMatchObject({ cache: "miss", exitCode: 0 });
    expect(await readdir(bench.path("home"))).toEqual([".kelvin"]);
    expect((await readdir(bench.path("workspace"))).toSorted()).toEqual(["package-lock.json", "src"]);
    await build();
    expect((await cache("save")).cache).toBe("saved");
    await startOver();
    expect((await cache("restore")).cache).toBe("hit");
  });

  async function flipByte(file: string): Promise<void> {
    const bytes = await readFile(file);
    bytes[bytes.length - 20]! ^= 1;
    await writeFile(file, bytes);
  }

  test("too large is not kept, and the least recently used go when the store is full", async () => {
    await build();
    expect(await cache("save", { more: ["--max-bytes=10"] })).toMatchObject({ cache: "skipped" });
    await cache("save", { branch: "old" });
    await cache("save", { branch: "new" });
    const before = (await storeFiles()).length;
    expect(before).toBe(6);
    await write("workspace/package-lock.json", "other");
    await cache("save", { branch: "newest", more: ["--max-store-bytes=1200"] });
    expect((await storeFiles()).length).toBeLessThan(before);
  });
});

test("a path behind a link is not kept, and nothing is restored through one", async () => {
  await build();
  await cache("save");
  await startOver();
  await mkdir(bench.path("outside"));
  await symlink(bench.path("outside"), bench.path("workspace", "node_modules"));
  expect(await cache("restore")).toMatchObject({ cache: "miss", reason: expect.stringContaining("symbolic link") });
  expect(await readdir(bench.path("outside"))).toEqual([]);
});

test("a store behind HTTP", async () => {
  const files = new Map<string, Buffer>();
  const seen = new Set<string | undefined>();
  const server = createServer((request, response) => {
    seen.add(request.headers.authorization);
    const found = files.get(request.url ?? "");
    if (request.method === "GET") {
      response.writeHead(found === undefined ? 404 : 200).end(found);
      return;
    }
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      files.set(request.url ?? "", Buffer.concat(chunks));
      response.writeHead(201).end();
    });
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const { port } = server.address() as AddressInfo;
  await writeFile(bench.path("token"), "t0ken-value");
  const store = [`--endpoint=http://127.0.0.1:${port}/caches/`, `--token-file=${bench.path("token")}`];
  await build();
  expect((await cache("restore", { store })).cache).toBe("miss");
  expect((await cache("save", { store })).cache).toBe("saved");
  await startOver();
  expect((await cache("restore", { store })).cache).toBe("hit");
  expect(await read("home/.npm/y")).toBe("y");
  expect([...files.keys()].every((name) => name.startsWith(`/caches/${scope}/`))).toBe(true);
  expect([...seen]).toEqual(["Bearer t0ken-value"]);
  server.closeAllConnections();
  server.close();
  await startOver();
  expect(await cache("restore", { store })).toMatchObject({
    cache: "miss",
    exitCode: 0,
    reason: expect.stringContaining("the store cannot be used"),
  });
});

test.each([
  ["--path=../x"],
  ["--path=/etc"],
  ["--path=."],
  ["--path=~/"],
  ["--key=../x"],
  ["--key=/etc/*"],
  ["--endpoint=http://x"],
])("%s is a wrong call", async (flag) => {
  await build();
  expect((await cache("restore", { more: [flag] })).exitCode).toBe(2);
});
