/** A wrong command line: exit code 2, and the message says what is right. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Something that the user can mend, told without a stack: exit code 1. */
export class StartError extends Error {
  override readonly name = "StartError";
}
