import { readFile, rm } from "node:fs/promises";
import { digestOf, localPlatform, mediaTypes, packEntries } from "@kelvin/oci";
import type { Descriptor } from "@kelvin/oci";
import { ifMissing } from "../storage/durable-file.ts";
import type { Storage } from "../storage/storage.ts";
import { listNodeRoot } from "./node-root.ts";

/** Where the image goes, and the Node that it is made of. */
export interface NodeImage {
  readonly repository: string;
  readonly tag: string;
  /** The program, and its version as it says it: `v24.21.0`. */
  readonly node: string;
  readonly version: string;
}

const origin = "dev.kelvin.made-from";
/** Raised when the same Node shall make another image. */
const recipe = 1;

/**
 * Makes the image that Node applications are put on, from the Node that runs Kelvin, and tags it. Does nothing when it is
 * there, or when the tag is somebody else's image. Killed anywhere, the next one begins anew. Says which it was.
 *
 * @throws Error naming what Node needs and this machine has not; system errors.
 */
export async function makeNodeImage(storage: Storage, image: NodeImage): Promise<"made" | "kept" | "foreign"> {
  const madeFrom = `${image.version} ${process.arch} recipe ${recipe}`;
  const found = await findOrigin(storage, image);
  if (found === "") return "foreign";
  if (found === madeFrom) return "kept";
  await make(storage, { image, madeFrom });
  return "made";
}

async function make(storage: Storage, { image, madeFrom }: { image: NodeImage; madeFrom: string }): Promise<void> {
  const { content, repositories } = storage;
  const { repository, tag, node, version } = image;
  const file = content.temporaryPath();
  try {
    const layer = await packEntries(await listNodeRoot(node), file, { compression: "zstd" });
    await content.adopt(file, layer.descriptor.digest);
    const config = encode(configOf(layer.diffId, version));
    const manifest = encode({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: { mediaType: mediaTypes.ociConfig, ...describe(config) },
      layers: [layer.descriptor],
      annotations: { [origin]: madeFrom },
    });
    for (const bytes of [config, manifest]) await content.write(describe(bytes), () => once(bytes));
    for (const { digest } of [layer.descriptor, describe(config)]) await repositories.linkBlob(repository, digest);
    const { digest } = describe(manifest);
    await repositories.linkManifest(repository, { digest, mediaType: mediaTypes.ociManifest });
    await repositories.putTag(repository, { name: tag, digest });
  } finally {
    await rm(file, { force: true });
  }
}

/** What the tagged image says it was made from; "" when it was not made here, undefined when there is none. */
async function findOrigin(
  { content, repositories }: Storage,
  { repository, tag }: NodeImage,
): Promise<string | undefined> {
  const digest = await repositories.findTag(repository, tag);
  if (digest === undefined || (await repositories.findManifest(repository, digest)) === undefined) return undefined;
  const text = await readFile(content.pathOf(digest), "utf8").catch(ifMissing);
  if (text === undefined) return undefined;
  const { annotations } = JSON.parse(text) as { annotations?: Readonly<Record<string, unknown>> };
  const said = annotations?.[origin];
  return typeof said === "string" ? said : "";
}

function configOf(diffId: string, version: string): object {
  return {
    created: "1970-01-01T00:00:00Z",
    ...localPlatform(),
    config: {
      Env: [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        `NODE_VERSION=${version.replace(/^v/, "")}`,
      ],
      Cmd: ["node"],
    },
    rootfs: { type: "layers", diff_ids: [diffId] },
    history: [{ created: "1970-01-01T00:00:00Z", created_by: `Kelvin: Node ${version} and its libraries` }],
  };
}

function describe(bytes: Buffer): Pick<Descriptor, "digest" | "size"> {
  return { digest: digestOf(bytes), size: bytes.length };
}

function encode(content: object): Buffer {
  return Buffer.from(JSON.stringify(content));
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield bytes;
}
