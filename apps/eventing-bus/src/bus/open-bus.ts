import { openKafka } from "./open-kafka.ts";
import { openNats } from "./open-nats.ts";
import { openPubsub } from "./open-pubsub.ts";
import { openStub } from "./open-stub.ts";
import type { BusKind } from "../model/bus-kind.ts";
import type { BusOpener } from "./opened-bus.ts";

/** Every kind of bus there is, by `BUS_KIND`. Only the one that is asked for is loaded. */
const openers: ReadonlyMap<BusKind, BusOpener> = new Map<BusKind, BusOpener>([
  ["stub", openStub],
  ["nats", openNats],
  ["kafka", openKafka],
  ["gcppubsub", openPubsub],
]);

/** A kind of bus, and how it is opened. */
export interface FoundBus {
  readonly kind: BusKind;
  readonly opener: BusOpener;
}

/** Finds a kind of bus by its name. @throws Error naming the kinds there are. */
export function findBus(kind: string): FoundBus {
  const opener = openers.get(kind as BusKind);
  if (opener !== undefined) return { kind: kind as BusKind, opener };
  throw new Error(`BUS_KIND must be one of ${[...openers.keys()].join(", ")}, was "${kind}"`);
}
