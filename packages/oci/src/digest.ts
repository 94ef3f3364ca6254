import type { Descriptor } from "./manifest.ts";
import { OciError } from "./errors.ts";

// Not imported: an ES import of node:crypto evaluates its lazy exports, Web Crypto among them (40 ms and 10 MB).
const { createHash } = process.getBuiltinModule("node:crypto");

/** The digest of some bytes, such as `sha256:e3b0…`. */
export function digestOf(bytes: Uint8Array | string, algorithm: "sha256" | "sha512" = "sha256"): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

/** Counts and hashes bytes as they go by. */
export interface DigestMeter {
  update(chunk: Uint8Array): void;
  readonly bytes: number;
  /** The digest of what has gone by. It ends the meter: call it once. */
  digest(): string;
}

/** Opens a meter for a digest's algorithm, `sha256` or `sha512`. */
export function openDigestMeter(algorithm: "sha256" | "sha512" = "sha256"): DigestMeter {
  const hash = createHash(algorithm);
  let bytes = 0;
  return {
    update(chunk) {
      bytes += chunk.length;
      hash.update(chunk);
    },
    get bytes() {
      return bytes;
    },
    digest: () => `${algorithm}:${hash.digest("hex")}`,
  };
}

/** The algorithm of a digest that `isDigest` accepts. */
export function algorithmOf(digest: string): "sha256" | "sha512" {
  return digest.startsWith("sha512:") ? "sha512" : "sha256";
}

/**
 * Passes bytes on while it checks them against a descriptor. Nothing beyond the size is passed on, but what comes before an
 * error has been: whoever keeps the bytes must throw them away then.
 *
 * @throws OciError `InvalidContent` when size or digest differ.
 */
export async function* verified(
  bytes: AsyncIterable<Uint8Array>,
  { digest, size }: Pick<Descriptor, "digest" | "size">,
): AsyncGenerator<Uint8Array, void> {
  const meter = openDigestMeter(algorithmOf(digest));
  for await (const chunk of bytes) {
    meter.update(chunk);
    if (meter.bytes > size) throw new OciError("InvalidContent", `${digest}: got more than the ${size} bytes it has`);
    yield chunk;
  }
  if (meter.bytes !== size) {
    throw new OciError("InvalidContent", `${digest}: got ${meter.bytes} bytes of the ${size} it has`);
  }
  const actual = meter.digest();
  if (actual !== digest) throw new OciError("InvalidContent", `${digest}: the content has another digest, ${actual}`);
}
