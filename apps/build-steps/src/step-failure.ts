/** Why a step cannot go on: a reason for machines and a message that tells a person what to change. */
export class StepFailure extends Error {
  readonly reason: string;

  constructor(reason: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StepFailure";
    this.reason = reason;
  }
}

/** The command was called wrongly: the message names the flag and what it takes. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
