/**
 * What arrived is no CloudEvent. The message names the attribute, what was wrong and what is allowed; it is meant for
 * the sender. Answer with `status` and accept nothing.
 */
export class MalformedEventError extends Error {
  override readonly name = "MalformedEventError";

  /** 400 for a malformed event, 415 for a format that is not spoken here. */
  readonly status: 400 | 415;

  constructor(message: string, status: 400 | 415 = 400) {
    super(message);
    this.status = status;
  }
}
