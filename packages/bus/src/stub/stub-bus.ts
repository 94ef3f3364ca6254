import { BusUnavailableError, RecordTooLargeError, recordBytes } from "../bus.ts";
import type { Bus, BusLog } from "../bus.ts";
import { systemClock } from "../clock.ts";
import type { Clock } from "../clock.ts";
import { makeStubLog } from "./stub-log.ts";
import type { StubLogState } from "./stub-log.ts";

/** @see openStubBus */
export interface StubBusOptions {
  readonly clock?: Clock;
  /** What it takes in one record; default 16 MiB. */
  readonly recordBytesMax?: number;
}

const RECORD_BYTES_MAX = 16 * 1024 * 1024;

/**
 * The bus in memory: complete, fast and gone with its process. What was accepted and not finished when the process ends
 * is lost, and nothing else is. One process has one; it cannot be shared.
 */
export function openStubBus({ clock = systemClock, recordBytesMax = RECORD_BYTES_MAX }: StubBusOptions = {}): Bus {
  const logs = new Map<string, StubLogState>();
  let isClosed = false;
  return {
    kind: "stub",
    recordBytesMax,
    trouble: undefined,
    openLog(spec) {
      if (isClosed) return Promise.reject(new BusUnavailableError("the bus is closed"));
      let state = logs.get(spec.id);
      if (state === undefined) {
        state = makeStubLog(spec, clock);
        logs.set(spec.id, state);
      }
      return Promise.resolve(openHandle({ id: spec.id, recordBytesMax }, logs, state));
    },
    findLog(spec) {
      const state = logs.get(spec.id);
      return Promise.resolve(
        state === undefined ? undefined : openHandle({ id: spec.id, recordBytesMax }, logs, state),
      );
    },
    deleteLog(id) {
      logs.delete(id);
      return Promise.resolve();
    },
    close() {
      isClosed = true;
      logs.clear();
      return Promise.resolve();
    },
  };
}

function openHandle(
  { id, recordBytesMax }: { readonly id: string; readonly recordBytesMax: number },
  logs: ReadonlyMap<string, StubLogState>,
  state: StubLogState,
): BusLog {
  const readers = new Set<{ close(): Promise<void> }>();
  const check = (): void => {
    if (logs.get(id) !== state) throw new BusUnavailableError(`${id}: the log was deleted or the bus closed`);
  };
  return {
    id,
    append: async (record) => {
      check();
      const bytes = recordBytes(record);
      if (bytes > recordBytesMax) {
        throw new RecordTooLargeError(`${bytes} bytes; the stub bus takes ${recordBytesMax} a record`);
      }
      await Promise.resolve();
      state.append(record);
    },
    ends: async () => {
      await Promise.resolve();
      return String(state.lastSequence);
    },
    openReader: async (spec) => {
      await Promise.resolve();
      check();
      const reader = state.openReader(spec);
      readers.add(reader);
      return reader;
    },
    deleteReader: async (readerId) => {
      await Promise.resolve();
      return state.deleteReader(readerId);
    },
    backlog: async (readerId) => {
      await Promise.resolve();
      return state.backlog(readerId);
    },
    async close() {
      for (const reader of readers) await reader.close();
      readers.clear();
    },
  };
}
