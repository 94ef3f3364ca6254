export { OciError } from "./errors.ts";
export type { OciErrorCode } from "./errors.ts";
export { complainOfRepository, formatImageReference, isDigest, isTag, parseImageReference } from "./image-reference.ts";
export type { ImageReference } from "./image-reference.ts";
export { readTar } from "./tar-entries.ts";
