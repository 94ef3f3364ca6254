import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import fc from "fast-check";
import { digestOf } from "./digest.ts";
import { inPieces, makeTar, type TestEntry } from "./tar-entries.fixture.ts";
import { unpackLayer, type UnpackOptions, type UnpackReport } from "./unpack-layer.ts";

let outside: string;
let root: string;

beforeEach(() => {
  outside = fs.mkdtempSync(join(tmpdir(), "kelvin-unpack-"));
  root = join(outside, "root");
  fs.mkdirSync(root);
  fs.writeFileSync(join(outside, "secret"), "secret");
  fs.mkdirSync(join(outside, "a"), { mode: 0o750 });
  fs.writeFileSync(join(outside, "a/b"), "secret");
  fs.utimesSync(join(outside, "a"), 1, 1);
});
afterEach(() => fs.rmSync(outside, { recursive: true }));

async function unpack(entries: readonly TestEntry[], options: UnpackOptions = {}): Promise<UnpackReport> {
  return await unpackLayer(inPieces(await makeTar(entries)), root, { owners: "self", ...options });
}

/** The tree as a test reads it: files as their content, links as `-> target`, directories as records. */
type Tree = { [name: string]: Tree | string };

function treeOf(directory: string): Tree {
  const tree: Tree = {};
  for (const entry of fs.readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) tree[entry.name] = treeOf(path);
    else tree[entry.name] = entry.isSymbolicLink() ? `-> ${fs.readlinkSync(path)}` : fs.readFileSync(path, "utf8");
  }
  return tree;
}

function expectNothingOutside(): void {
  expect(fs.readdirSync(outside).toSorted()).toEqual(["a", "root", "secret"]);
  expect(fs.readdirSync(join(outside, "a"))).toEqual(["b"]);
  expect(fs.statSync(join(outside, "a"))).toMatchObject({ mode: 0o40750, mtimeMs: 1000 });
  expect(fs.readFileSync(join(outside, "secret"), "utf8")).toBe("secret");
  expect(fs.statSync(join(outside, "secret")).nlink).toBe(1);
}

describe("a layer", () => {
  test("gives the group the owner's rights where it is shared", async () => {
    const entries: TestEntry[] = [
      { name: "dir/", type: "directory", mode: 0o755 },
      { name: "dir/run", content: "x", mode: 0o700 },
      { name: "dir/read", content: "x", mode: 0o444 },
    ];
    await unpack(entries, { isShared: true });
    const modes = ["dir", "dir/run", "dir/read"].map((path) =>
      (fs.statSync(join(root, path)).mode & 0o777).toString(8),
    );
    expect(modes).toEqual(["775", "770", "444"]);
  });

  test("is unpacked with modes, times and links", async () => {
    const report = await unpack([
      { name: "bin/", type: "directory", mode: 0o755, mtime: new Date(5000) },
      { name: "bin/tool", content: "tool", mode: 0o4755, mtime: new Date(7000) },
      { name: "bin/same", type: "link", linkname: "bin/tool" },
      { name: "lib", type: "symlink", linkname: "usr/lib" },
      { name: "/etc/deep/er/file", content: "x" },
    ]);
    expect(treeOf(root)).toEqual({
      bin: { tool: "tool", same: "tool" },
      lib: "-> usr/lib",
      etc: { deep: { er: { file: "x" } } },
    });
    const tool = fs.statSync(join(root, "bin/tool"));
    expect([tool.mode & 0o7777, tool.mtimeMs, tool.nlink]).toEqual([0o755, 7000, 2]);
    expect(fs.statSync(join(root, "bin")).mtimeMs).toBe(5000);
    expect(report).toMatchObject({ entries: 5, bytes: 5, skipped: 0 });
  });

  test.each([
    ["gzip", gzipSync],
    ["zstd", zstdCompressSync],
    ["nothing", (bytes: Buffer) => bytes],
  ])("may be compressed with %s, and its diffId is that of the uncompressed bytes", async (_name, compress) => {
    const tar = await makeTar([{ name: "a", content: "a".repeat(100_000) }]);
    const report = await unpackLayer(inPieces(compress(tar), 777), root, { diffId: digestOf(tar) });
    expect(report.diffId).toBe(digestOf(tar));
    expect(fs.readFileSync(join(root, "a"), "utf8")).toHaveLength(100_000);
  });

  test("of another content than its image says is refused", async () => {
    await expect(unpack([{ name: "a" }], { diffId: digestOf("else") })).rejects.toMatchObject({
      code: "InvalidContent",
    });
  });

  test("replaces what is below it, and never through a link", async () => {
    await unpack([
      { name: "a", type: "symlink", linkname: "../secret" },
      { name: "dir/old", content: "old" },
      { name: "link", type: "symlink", linkname: "dir" },
      { name: "file", content: "file" },
    ]);
    await unpack([
      { name: "a", content: "new" },
      { name: "dir", content: "now a file" },
      { name: "link/", type: "directory" },
      { name: "file/below", content: "below" },
    ]);
    expect(treeOf(root)).toEqual({ a: "new", dir: "now a file", link: {}, file: { below: "below" } });
    expectNothingOutside();
  });

  test("merges directories, and follows links of directories inside the root", async () => {
    await unpack([
      { name: "usr/lib/one", content: "1" },
      { name: "lib", type: "symlink", linkname: "/usr/lib" },
      { name: "up", type: "symlink", linkname: "../../../usr" },
    ]);
    await unpack([
      { name: "lib/two", content: "2" },
      { name: "up/three", content: "3" },
    ]);
    expect(treeOf(join(root, "usr"))).toEqual({ lib: { one: "1", two: "2" }, three: "3" });
    expect(treeOf(root)["lib"]).toBe("-> /usr/lib");
  });

  test("removes by whiteouts, but nothing of its own, wherever that stands", async () => {
    await unpack([
      { name: "a", content: "old" },
      { name: "b/one", content: "old" },
      { name: "c/one", content: "old" },
      { name: "c/two/three", content: "old" },
      { name: "d/one", content: "old" },
    ]);
    await unpack([
      { name: ".wh.a" },
      { name: "c/new", content: "new" },
      { name: "c/.wh..wh..opq" },
      { name: "c/two/new", content: "new" },
      { name: "b", content: "now a file" },
      { name: ".wh.b" },
      { name: "d/.wh.one" },
      { name: "nowhere/.wh.x" },
      { name: ".wh..wh.plnk", type: "directory" },
    ]);
    expect(treeOf(root)).toEqual({ c: { new: "new", two: { new: "new" } }, b: "now a file", d: {} });
  });

  test("leaves devices and pipes out", async () => {
    const report = await unpack([
      { name: "dev/null", type: "character-device", devmajor: 1, devminor: 3 },
      { name: "dev/sda", type: "block-device" },
      { name: "pipe", type: "fifo" },
      { name: "a" },
    ]);
    expect(report.skipped).toBe(3);
    expect(treeOf(root)).toEqual({ dev: {}, a: "" });
  });

  test("keeps directories writable for us, so that a later layer can be put on it", async () => {
    await unpack([{ name: "closed/", type: "directory", mode: 0o555 }]);
    await unpack([{ name: "closed/a", content: "a" }]);
    expect(treeOf(root)).toEqual({ closed: { a: "a" } });
    expect(fs.statSync(join(root, "closed")).mode & 0o777).toBe(0o755);
  });

  const whenRoot = process.geteuid?.() === 0 ? test : test.skip;
  whenRoot("gives files to their owners when it may (needs root)", async () => {
    await unpack([{ name: "a", uid: 12, gid: 34, mode: 0o4755 }], { owners: "keep" });
    const { uid, gid, mode } = fs.statSync(join(root, "a"));
    expect([uid, gid, mode & 0o7777]).toEqual([12, 34, 0o4755]);
  });
});

describe("a malicious layer is refused, and does nothing outside", () => {
  test.each<[name: string, entries: TestEntry[], code: string]>([
    ["climbs", [{ name: "../evil" }], "UnsafeContent"],
    ["climbs in the middle", [{ name: "a/../../evil" }], "UnsafeContent"],
    ["climbs from the root", [{ name: "/../evil" }], "UnsafeContent"],
    ["is only a climb", [{ name: "..", type: "directory" }], "UnsafeContent"],
    ["removes outside", [{ name: "a/../../.wh.secret" }], "UnsafeContent"],
    ["removes its root", [{ name: ".wh.." }], "UnsafeContent"],
    ["removes its parent", [{ name: "a/.wh..." }], "UnsafeContent"],
    ["removes nothing", [{ name: ".wh." }], "UnsafeContent"],
    ["links outside", [{ name: "a", type: "link", linkname: "../secret" }], "UnsafeContent"],
    ["links to an absolute path", [{ name: "a", type: "link", linkname: "/etc/passwd" }], "InvalidContent"],
    ["links to a directory", [{ name: "d/x" }, { name: "a", type: "link", linkname: "d" }], "InvalidContent"],
    [
      "links through a link",
      [
        { name: "l", type: "symlink", linkname: ".." },
        { name: "a", type: "link", linkname: "l/secret" },
      ],
      "InvalidContent",
    ],
    [
      "goes in circles",
      [
        { name: "a", type: "symlink", linkname: "b" },
        { name: "b", type: "symlink", linkname: "a" },
        { name: "a/x", content: "x" },
      ],
      "UnsafeContent",
    ],
    ["has a path that is too long", [{ name: `${"d/".repeat(2100)}x` }], "UnsafeContent"],
  ])("%s", async (_name, entries, code) => {
    await expect(unpack(entries)).rejects.toMatchObject({ code });
    expectNothingOutside();
  });

  test.each<[name: string, entries: TestEntry[]]>([
    [
      "writes through a link to a directory outside",
      [
        { name: "l", type: "symlink", linkname: "../" },
        { name: "l/evil", content: "x" },
      ],
    ],
    [
      "writes through an absolute link",
      [
        { name: "l", type: "symlink", linkname: "/tmp/kelvin-never" },
        { name: "l/evil", content: "x" },
      ],
    ],
    [
      "writes through a link to a file",
      [
        { name: "l", type: "symlink", linkname: "../secret" },
        { name: "l", content: "x" },
      ],
    ],
    [
      "writes through a chain of links",
      [
        { name: "a/b", type: "symlink", linkname: "../.." },
        { name: "c", type: "symlink", linkname: "a/b" },
        { name: "c/secret", content: "x" },
      ],
    ],
    [
      "swaps a directory for a link after it was used",
      [
        { name: "d/x", content: "x" },
        { name: "d", type: "symlink", linkname: ".." },
        { name: "d/secret", content: "x" },
      ],
    ],
    [
      "removes through a link",
      [{ name: "l", type: "symlink", linkname: ".." }, { name: "l/.wh.secret" }, { name: "l/.wh..wh..opq" }],
    ],
    [
      "changes the mode of what a link leads to",
      [
        { name: "l", type: "symlink", linkname: ".." },
        { name: "l/", type: "directory", mode: 0o777 },
      ],
    ],
  ])("stays inside though it %s", async (_name, entries) => {
    const before = fs.statSync(outside).mode;
    await unpack(entries);
    expectNothingOutside();
    expect(fs.statSync(outside).mode).toBe(before);
    expect(fs.existsSync("/tmp/kelvin-never")).toBe(false);
  });

  test("a directory's mode and time are not given to what a link put in its way leads to", async () => {
    await unpack([
      { name: "d/", type: "directory" },
      { name: "d/a/", type: "directory", mode: 0o777, mtime: new Date(5000) },
      { name: "d", type: "symlink", linkname: ".." },
    ]);
    expectNothingOutside();
  });

  test("bombs end at their limits", async () => {
    const bomb = gzipSync(await makeTar([{ name: "zeros", content: "\0".repeat(80 * 1024 * 1024) }]));
    await expect(unpackLayer(inPieces(bomb, 65_536), root)).rejects.toMatchObject({
      code: "UnsafeContent",
      message: expect.stringContaining("400 times"),
    });
    await expect(unpack([{ name: "big", content: "x".repeat(5000) }], { limits: { bytesMax: 4000 } })).rejects.toThrow(
      "larger than 4000 bytes",
    );
    await expect(unpack([{ name: "a" }, { name: "b" }, { name: "c" }], { limits: { entriesMax: 2 } })).rejects.toThrow(
      "more than 2 entries",
    );
  }, 60_000);

  test.each([
    ["ends early", async () => (await makeTar([{ name: "a", content: "x".repeat(3000) }])).subarray(0, 2000)],
    ["is no archive", async () => Buffer.from("no archive at all".repeat(100))],
    ["ends early in its compression", async () => gzipSync(await makeTar([{ name: "a" }])).subarray(0, 40)],
    ["is broken in its compression", async () => Buffer.concat([Buffer.from([0x1f, 0x8b]), Buffer.alloc(100, 7)])],
    ["is broken in its zstd", async () => Buffer.concat([Buffer.from("28b52ffd", "hex"), Buffer.alloc(100, 7)])],
  ])("%s: an error, and no wait", async (_name, make) => {
    await expect(unpackLayer(inPieces(await make()), root)).rejects.toMatchObject({ code: "InvalidContent" });
  });

  test("an error of the source is passed on", async () => {
    const tar = await makeTar([{ name: "a", content: "x".repeat(3000) }]);
    async function* breaking(): AsyncGenerator<Uint8Array, void> {
      yield tar.subarray(0, 1500);
      throw new RangeError("cable cut");
    }
    await expect(unpackLayer(breaking(), root)).rejects.toThrow("cable cut");
  });
});

test("property: no archive writes, removes or links anything outside its root", async () => {
  const part = fc.constantFrom(
    "a",
    "b",
    "c",
    "..",
    ".",
    "",
    ".wh.a",
    ".wh.b",
    ".wh..",
    ".wh...",
    ".wh..wh..opq",
    "secret",
  );
  const wild = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
  // Few names, so that entries meet: most faults need a directory and a link of one name. An archive is refused at its first
  // wild name, so these are rare.
  const path = fc.oneof({ weight: 15, arbitrary: fc.constantFrom("a", "b", "a/a", "b/a") }, wild);
  const target = fc.oneof(
    path,
    fc.constant(".."),
    fc.constantFrom("/", "..", "../..", "../secret", "/../secret", "/a", "a/../..", "."),
  );
  const entry: fc.Arbitrary<TestEntry> = fc.oneof(
    path.map((name) => ({ name, content: "evil" })),
    path.map((name) => ({ name, type: "directory" as const, mode: 0o700 })),
    fc.tuple(path, target).map(([name, linkname]) => ({ name, type: "symlink" as const, linkname })),
    fc.tuple(path, target).map(([name, linkname]) => ({ name, type: "link" as const, linkname })),
  );
  const known = new Set(["UnsafeContent", "InvalidContent", "ENOTDIR", "EEXIST", "EISDIR", "ELOOP", "ENOENT"]);
  let unpacked = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 12 }), async (entries) => {
      const named = entries.filter(({ name }) => name !== "");
      fs.rmSync(root, { recursive: true });
      fs.mkdirSync(root);
      try {
        await unpack(named);
        unpacked++;
      } catch (error) {
        expect(known).toContain((error as { code?: string }).code);
      }
      expectNothingOutside();
    }),
    { seed: 20_261_123, numRuns: 300 },
  );
  // Were all refused, the property would say nothing.
  expect(unpacked).toBeGreaterThan(30);
}, 60_000);

test("property: damaged archives are refused or unpacked inside, and always end", async () => {
  const good = await makeTar([
    { name: "a/", type: "directory" },
    { name: "a/b", content: "x".repeat(700) },
    { name: "l", type: "symlink", linkname: "a" },
    { name: "h", type: "link", linkname: "a/b" },
    { name: `${"long/".repeat(40)}x`, content: "y" },
  ]);
  const damage = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(damage, fc.boolean(), async (changes, fixChecksums) => {
      const bytes = Buffer.from(good);
      for (const [at, value] of changes) bytes[at] = value;
      if (fixChecksums) for (let at = 0; at + 512 <= bytes.length; at += 512) fixChecksum(bytes.subarray(at, at + 512));
      fs.rmSync(root, { recursive: true });
      fs.mkdirSync(root);
      // Any error will do; a wait without end, or a write outside, will not.
      await unpackLayer(inPieces(bytes), root, { owners: "self" }).catch((error: unknown) => error);
      expectNothingOutside();
    }),
    { seed: 7, numRuns: 150 },
  );
}, 60_000);

function fixChecksum(block: Buffer): void {
  if (block.toString("latin1", 257, 262) !== "ustar") return;
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
}
