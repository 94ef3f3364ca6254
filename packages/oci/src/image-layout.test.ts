import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { openContentStore } from "./content-store.ts";
import { digestOf } from "./digest.ts";
import { openImageLayout } from "./image-layout.ts";
import { mediaTypes } from "./media-types.ts";
import { packEntries } from "./pack-layer.ts";

let directory: string;
beforeEach(() => void (directory = fs.mkdtempSync(join(tmpdir(), "kelvin-layout-"))));
afterEach(() => fs.rmSync(directory, { recursive: true }));

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}

test("images are found by their names, and the last of a name wins", async () => {
  const layout = openImageLayout(directory);
  expect(await layout.find("a")).toBeUndefined();
  const [one, two] = ["one", "two"].map((text) => ({
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(text),
    size: 3,
  }));
  await layout.put("a", one!);
  await layout.put("b", one!);
  await layout.put("a", two!);
  expect(await openImageLayout(directory).find("a")).toMatchObject(two!);
  expect(await layout.find("b")).toMatchObject(one!);
});

const skopeo = ["/usr/bin/skopeo"].find((path) => fs.existsSync(path));
const withSkopeo = skopeo === undefined ? test.skip : test;
withSkopeo(`skopeo reads one (needs skopeo, which is ${skopeo === undefined ? "missing" : "there"})`, async () => {
  const layout = openImageLayout(directory);
  const file = join(directory, "layer");
  const layer = await packEntries(
    [{ kind: "file", path: "a", mode: 0o644, content: { bytes: Buffer.from("a") } }],
    file,
  );
  const config = Buffer.from(
    JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { type: "layers", diff_ids: [layer.diffId] } }),
  );
  const configDescriptor = { mediaType: mediaTypes.ociConfig, digest: digestOf(config), size: config.length };
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: configDescriptor,
      layers: [layer.descriptor],
    }),
  );
  const descriptor = { mediaType: mediaTypes.ociManifest, digest: digestOf(manifest), size: manifest.length };
  await layout.store.adopt(file, layer.descriptor.digest);
  await layout.store.write(configDescriptor, () => once(config));
  await layout.store.write(descriptor, () => once(manifest));
  await layout.put("1", descriptor);
  const seen = execFileSync("skopeo", ["inspect", `oci:${directory}:1`], { encoding: "utf8" });
  expect(JSON.parse(seen)).toMatchObject({ Digest: descriptor.digest, Layers: [layer.descriptor.digest] });
});

test("a store has content only once it is whole and right, and forgets what writers left that were killed", async () => {
  const store = openContentStore(directory);
  const content = { digest: digestOf("content"), size: 7 };
  await expect(store.write(content, () => once(Buffer.from("contenT")))).rejects.toMatchObject({
    code: "InvalidContent",
  });
  await expect(store.write(content, () => once(Buffer.from("content and more")))).rejects.toMatchObject({
    code: "InvalidContent",
  });
  expect(await store.has(content)).toBe(false);
  expect(fs.readdirSync(join(directory, "tmp"))).toEqual([]);
  await store.write(content, () => once(Buffer.from("content")));
  expect(await store.has(content)).toBe(true);
  await store.write(content, () => {
    throw new Error("not read again");
  });
  fs.writeFileSync(store.temporaryPath(), "left");
  await store.sweep(0);
  expect(fs.readdirSync(join(directory, "tmp"))).toHaveLength(1);
  await store.sweep(Number.MAX_SAFE_INTEGER);
  expect(fs.readdirSync(join(directory, "tmp"))).toEqual([]);
  expect(() => store.pathOf("sha256:../../x")).toThrow("is no digest");
  await expect(store.read(digestOf("else")).next()).rejects.toMatchObject({ code: "NotFound" });
});
