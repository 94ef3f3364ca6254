import type { Bus, DeadLetterStore } from "@kelvin/bus";
import type { BusKind } from "../model/bus-kind.ts";
import { busId } from "../model/names.ts";

/** A bus that is open. */
export interface OpenedBus {
  readonly kind: BusKind;
  readonly bus: Bus;
  readonly deadLetters: DeadLetterStore;
  /** The life of its streams: another one after a bus has forgotten them. Without dots. */
  readonly life: string;
  /** Whether what waits outlives this process. */
  readonly isDurable: boolean;
}

/**
 * Opens a bus as the environment says. What is wrong with that is told at once, before anything is opened. What is heavy is
 * imported by what it returns, which is called when the process is up.
 *
 * @throws Error naming the variable.
 */
export type BusOpener = (env: NodeJS.ProcessEnv) => OpenBus;

/** @throws BusUnavailableError when the broker is away, BusRefusedError when it refuses us: ask again later. */
export type OpenBus = () => Promise<OpenedBus>;

/** Over this the oldest dead letters of all consumers are thrown out, and counted. */
export const DEAD_LETTER_BYTES_MAX = { memory: 64 * 1024 * 1024, disk: 1024 * 1024 * 1024 } as const;

/** The life of streams at a broker, which outlive this process. */
const FOR_EVER = "0";

/** A bus whose broker keeps its dead letters as well. */
interface DurableBus extends Bus {
  openDeadLetterStore(spec: { readonly id: string; readonly bytesMax: number }): Promise<DeadLetterStore>;
}

/** How a bus at a broker is opened. */
export interface DurableSpec {
  readonly kind: BusKind;
  readonly deadLetterBytesMax: number;
  readonly open: () => Promise<DurableBus>;
}

/** Opens a bus at a broker with its dead letters, which are those of the bus that the environment names; both or none. */
export function openDurable(env: NodeJS.ProcessEnv, { kind, deadLetterBytesMax, open }: DurableSpec): OpenBus {
  const id = busId(env["BUS_NAME"] ?? kind, env["BUS_NAMESPACE"]);
  return async () => {
    const bus = await open();
    try {
      const deadLetters = await bus.openDeadLetterStore({ id, bytesMax: deadLetterBytesMax });
      return { kind, bus, deadLetters, life: FOR_EVER, isDurable: true };
    } catch (error) {
      await bus.close();
      throw error;
    }
  };
}
