import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { unpackLayer } from "@kelvin/oci";
import { systemClock } from "../clock.ts";
import { openStorage, type Storage } from "../storage/storage.ts";
import { findLibraries, parseLoader, parseLoaderList } from "./library-closure.ts";
import { makeNodeImage, type NodeImage } from "./make-node-image.ts";

let directory: string;
let storage: Storage;
beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), "kelvin-node-image-"));
  storage = openStorage({ directory: join(directory, "registry"), blobBytesMax: 1e9, clock: systemClock });
});
afterEach(() => fs.rmSync(directory, { recursive: true }));

const image: NodeImage = { repository: "kelvin/node", tag: "24", node: process.execPath, version: process.version };

interface Manifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

async function tagged(): Promise<string> {
  return (await storage.repositories.findTag("kelvin/node", "24")) ?? "";
}

test("Node, a shell and tools run in the image with nothing else, and it is made once for a Node", async () => {
  expect(await makeNodeImage(storage, image)).toBe("made");
  const digest = await tagged();
  expect(await makeNodeImage(storage, image)).toBe("kept");
  const manifest = JSON.parse(fs.readFileSync(storage.content.pathOf(digest), "utf8")) as Manifest;
  for (const blob of [manifest.config, ...manifest.layers]) {
    expect(await storage.repositories.findBlob("kelvin/node", blob.digest)).toBeGreaterThan(0);
  }
  const config = JSON.parse(fs.readFileSync(storage.content.pathOf(manifest.config.digest), "utf8")) as {
    config: unknown;
    rootfs: { diff_ids: [string] };
  };
  expect(config.config).toMatchObject({
    Cmd: ["node"],
    Env: expect.arrayContaining([`NODE_VERSION=${process.versions.node}`]),
  });

  const root = join(directory, "root");
  fs.mkdirSync(root);
  await unpackLayer(storage.content.read(manifest.layers[0]?.digest ?? ""), root, {
    diffId: config.rootfs.diff_ids[0],
  });
  expect(fs.statSync(join(root, "tmp")).mode & 0o7777).toBe(0o1777);
  const node = fs.readFileSync(join(root, "usr/local/bin/node")).equals(fs.readFileSync(process.execPath));
  expect(node).toBe(true);
  if (process.geteuid?.() !== 0) return;
  const script = 'exec /usr/bin/env node -p "process.version + [1, 2].map((n) => n * 2)"';
  const environment = { PATH: "/usr/local/bin:/usr/bin:/bin" };
  expect(
    execFileSync("/usr/sbin/chroot", [root, "/bin/sh", "-c", script], { env: environment, encoding: "utf8" }),
  ).toBe(`${process.version}2,4\n`);
}, 60_000);

test("another Node makes another image; one that somebody pushed is left alone", async () => {
  // Any dynamic program will do, and a small one is packed at once.
  const small = { ...image, node: "/bin/sh" };
  await makeNodeImage(storage, small);
  const first = await tagged();
  expect(await makeNodeImage(storage, { ...small, version: "v99.0.0" })).toBe("made");
  expect(await tagged()).not.toBe(first);
  const foreign = Buffer.from('{"schemaVersion":2}');
  const { digestOf } = await import("@kelvin/oci/content");
  const descriptor = { digest: digestOf(foreign), size: foreign.length };
  await storage.content.write(descriptor, async function* () {
    yield foreign;
  });
  await storage.repositories.linkManifest("kelvin/node", { digest: descriptor.digest, mediaType: "x" });
  await storage.repositories.putTag("kelvin/node", { name: "24", digest: descriptor.digest });
  expect(await makeNodeImage(storage, small)).toBe("foreign");
  expect(await tagged()).toBe(descriptor.digest);
}, 60_000);

test("the same files make the same image", async () => {
  const small = { ...image, node: "/bin/sh" };
  await makeNodeImage(storage, small);
  const first = await tagged();
  storage = openStorage({ directory: join(directory, "other"), blobBytesMax: 1e9, clock: systemClock });
  await makeNodeImage(storage, small);
  expect(await tagged()).toBe(first);
}, 60_000);

test("libraries are what the loader says, and one that is missing is named", async () => {
  expect(await findLibraries(process.execPath)).toEqual(
    expect.arrayContaining([expect.stringMatching(/libc\.so\.6$/)]),
  );
  const text = "\tlinux-vdso.so.1 (0x1)\n\tlibc.so.6 => /lib/libc.so.6 (0x2)\n\t/lib64/ld.so (0x3)\n";
  expect(parseLoaderList(text, "node")).toEqual(["/lib/libc.so.6", "/lib64/ld.so"]);
  expect(() => parseLoaderList("\tlibx.so.1 => not found\n", "node")).toThrow("node needs libx.so.1");
  expect(() => parseLoader(Buffer.from("#!/bin/sh"), "script")).toThrow("script is no program");
});
