/** Lets acknowledgements through, but for moments in which none may be under way. */
export interface AckGate {
  /** Sends an acknowledgement as soon as that is allowed. */
  pass<T>(acknowledge: () => Promise<T>): Promise<T>;
  /** Waits until those under way are over, and holds up the next ones until `ask` has settled. One at a time. */
  quietly<T>(ask: () => Promise<T>): Promise<T>;
}

/** @see AckGate */
export function makeAckGate(): AckGate {
  const underWay = new Set<Promise<unknown>>();
  let quiet: Promise<unknown> | undefined;
  return {
    async pass(acknowledge) {
      while (quiet !== undefined) await quiet;
      const sending = acknowledge();
      const over = sending.catch(() => undefined).finally(() => underWay.delete(over));
      underWay.add(over);
      return sending;
    },
    async quietly(ask) {
      while (quiet !== undefined) await quiet;
      const { promise, resolve } = Promise.withResolvers<undefined>();
      quiet = promise;
      try {
        await Promise.all(underWay);
        return await ask();
      } finally {
        quiet = undefined;
        resolve(undefined);
      }
    },
  };
}
