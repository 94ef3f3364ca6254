// The part for those who keep content and neither fetch nor unpack it: it loads in a tenth of the time of the whole.
export { OciError } from "./errors.ts";
export { complainOfRepository, isDigest, isTag } from "./image-reference.ts";
export { openContentStore, syncPath } from "./content-store.ts";
export type { ContentStore } from "./content-store.ts";
export { digestOf, openDigestMeter } from "./digest.ts";
export type { DigestMeter } from "./digest.ts";
export type { Descriptor } from "./manifest.ts";
export { mediaTypes } from "./media-types.ts";
