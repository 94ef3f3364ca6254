import type { ServedState } from "../../model/report.ts";

/** What all replicas of all buses serve, as they tell it. */
export interface BusWatch {
  /**
   * Resolves once the replicas that are there have been heard, or have been silent for three seconds. Before that nothing is known,
   * and a controller that began would call all that is Ready not Ready.
   */
  readonly synced: Promise<void>;
  /** Undefined: no replica of that bus is known. */
  find(bus: string): BusView | undefined;
  /** The ClusterBuses that are there, sorted. What a namespace has of its own is nobody else's to see, nor to be misled by. */
  names(): string[];
  /**
   * Told of the uids whose view may have changed, and of the buses that came, went, gained or lost a replica or got into
   * trouble or out of it: whatever is to be served by one of those is worth another look, known by uid or not.
   */
  onChange(listener: (uids: ReadonlySet<string>, buses: ReadonlySet<string>) => void): void;
  close(): Promise<void>;
}

/** One bus. */
export interface BusView {
  /** Those that have joined and are not terminating. */
  readonly replicas: number;
  /** The Pods among them that do not answer; what they said last still counts. */
  readonly silent: readonly string[];
  /** The broker is away, as one replica at least sees it. */
  readonly trouble?: string;
  /** Undefined: not every replica knows of it. */
  stream(uid: string): ServedView | undefined;
  /** Undefined: not every replica knows of it. */
  consumer(uid: string): ServedView | undefined;
}

/** How all replicas together stand to a stream or consumer. */
export interface ServedView {
  /** The lowest that any of them serves. */
  readonly generation: number;
  /** `removed` when all have removed it, `failed` when one has failed, else `serving`. */
  readonly state: ServedState;
  /** Of the first that failed. */
  readonly message: string;
  /** For consumers that need one: write it into the status before Ready. */
  readonly since: string | null;
  readonly deadLetters: number;
  readonly backlog: number;
}
