import type { HostServices } from "../outside.ts";

/** What events are kept in: this process' memory, or a broker. */
export const busNames = ["stub", "nats", "kafka", "gcppubsub"] as const;
export type BusName = (typeof busNames)[number];

/** The variables that users say in where their brokers are. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A bus as the command line and the environment ask for it. */
export interface ChosenBus {
  readonly name: BusName;
  /** How a user names a broker that is not on this machine's loopback; absent when none there is asked for. */
  readonly elsewhere?: string;
  /** Finds or starts its broker. @throws StartError with the remedy. */
  open(place: BusPlace): Promise<OpenBus>;
}

/** Where the broker of a start keeps what it keeps, and who hears of it. */
export interface BusPlace {
  readonly dataDir: string;
  readonly say: (text: string) => void;
}

/** What a start needs to know of a bus. */
export interface OpenBus {
  /** How its Pods reach the broker. */
  readonly settings: readonly BusSettings[];
  readonly hostServices: HostServices;
  /** Ports of the outside that Pods need for it. */
  readonly ports: readonly number[];
  /** Resolves when the broker, if we have started it, takes requests. Rejects with a StartError. */
  readonly ready: Promise<void>;
  close(): Promise<void>;
}

/** What one object of deploy/ is to hold, in place of what is in it. */
export interface BusSettings {
  readonly kind: "ConfigMap" | "Secret";
  readonly name: string;
  readonly values: Readonly<Record<string, string>>;
}

/** A bus whose broker runs already, or that needs none. */
export function openedBus(parts: Partial<OpenBus> = {}): OpenBus {
  return {
    settings: [],
    hostServices: new Map(),
    ports: [],
    ready: Promise.resolve(),
    close: () => Promise.resolve(),
    ...parts,
  };
}
