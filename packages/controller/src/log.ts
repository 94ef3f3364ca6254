/** Where facts are written: the part of a pino logger that this package uses. Messages are constant, values are fields. */
export interface Log {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const drop = (): void => {
  // Nothing listens.
};

/** A Log that writes nothing, for tests and tools. */
export const silentLog: Log = { debug: drop, info: drop, warn: drop, error: drop };
