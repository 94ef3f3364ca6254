/**
 * What went wrong, as a word that programs can branch on.
 *
 * - `InvalidReference`: the image's name; correct it.
 * - `NotFound`: the registry has no such image, or none for the platform asked for.
 * - `Unauthorized`: credentials are missing or wrong. `Denied`: they are good but not allowed to do this.
 * - `Unavailable`: the registry could not be reached, answered 5xx or 429, or broke off: worth another try later.
 * - `Refused`: the registry answered something else than the protocol allows, or refused for another reason.
 * - `InvalidContent`: what was received is not what its digest, size or format says.
 * - `UnsafeContent`: an archive that tries to write outside its root, or grows as only a bomb does.
 * - `TooLarge`: an archive of more bytes or entries than the caller allows.
 */
export type OciErrorCode =
  | "InvalidReference"
  | "NotFound"
  | "Unauthorized"
  | "Denied"
  | "Unavailable"
  | "Refused"
  | "InvalidContent"
  | "UnsafeContent"
  | "TooLarge";

/** The only error that this package throws on purpose. Its message says what was wrong and what to change. */
export class OciError extends Error {
  readonly code: OciErrorCode;

  constructor(code: OciErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "OciError";
    this.code = code;
  }
}
