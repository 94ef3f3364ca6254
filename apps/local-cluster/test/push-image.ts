import { createReadStream, writeFileSync } from "node:fs";
import { join } from "node:path";
import { digestOf, packLayer, parseImageReference, type RegistryClient } from "@kelvin/oci";
import { makeUnpackedImage } from "./unpacked-image.ts";

export interface PushedImage {
  readonly client: RegistryClient;
  readonly reference: string;
  /** Where its files are made. */
  readonly source: string;
  /** Its containers leave this as their last words. */
  readonly greeting: string;
}

/** Makes an image and pushes it; gives its digest. */
export async function pushImage(
  { client, reference: name, source, greeting }: PushedImage,
  signal: AbortSignal,
): Promise<string> {
  const reference = parseImageReference(name);
  makeUnpackedImage(source, ["/bin/sh", "/bin/cat"], {});
  writeFileSync(join(source, "rootfs", "greeting"), greeting);
  const file = join(source, "layer.tar.gz");
  const layer = await packLayer(join(source, "rootfs"), file);
  const architecture = process.arch === "x64" ? "amd64" : process.arch;
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: "linux",
      config: { Entrypoint: ["/bin/sh", "-c"], Cmd: ["cat /greeting > /dev/termination-log"] },
      rootfs: { type: "layers", diff_ids: [layer.diffId] },
    }),
  );
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const configBlob = {
    mediaType: "application/vnd.oci.image.config.v1+json",
    digest: digestOf(config),
    size: config.length,
  };
  const manifest = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, config: configBlob, layers: [layer.descriptor] }),
  );
  await client.writeBlob(
    reference,
    {
      descriptor: configBlob,
      read: async function* () {
        yield config;
      },
    },
    signal,
  );
  await client.writeBlob(reference, { descriptor: layer.descriptor, read: () => createReadStream(file) }, signal);
  const descriptor = { mediaType, digest: digestOf(manifest), size: manifest.length };
  return client.putManifest(reference, { descriptor, bytes: manifest }, signal);
}
