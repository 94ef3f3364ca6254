import { makeMemoryDeadLetterStore, openStubBus, systemClock } from "@kelvin/bus";
import { DEAD_LETTER_BYTES_MAX, type OpenBus } from "./opened-bus.ts";

// Not imported: an ES import of node:crypto evaluates its lazy exports, Web Crypto among them (40 ms and 10 MB).
const { randomUUID } = process.getBuiltinModule("node:crypto");

/** The bus in this process's memory. It needs nothing of the environment. */
export function openStub(): OpenBus {
  return () =>
    Promise.resolve({
      kind: "stub",
      bus: openStubBus(),
      deadLetters: makeMemoryDeadLetterStore({ bytesMax: DEAD_LETTER_BYTES_MAX.memory, clock: systemClock }),
      life: randomUUID(),
      isDurable: false,
    });
}
