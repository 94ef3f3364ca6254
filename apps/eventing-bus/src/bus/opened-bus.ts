import type { Bus, DeadLetterStore } from "@kelvin/bus";
import type { BusKind } from "../model/bus-kind.ts";

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
export const FOR_EVER = "0";
