import { openKafka } from "./open-kafka.ts";
import { openNats } from "./open-nats.ts";
import { openPubsub } from "./open-pubsub.ts";
import { openStub } from "./open-stub.ts";
import type { BusKind, BusOpener } from "./opened-bus.ts";

/** Every kind of bus there is, by `BUS_KIND`. Only the one that is asked for is loaded. */
const openers: ReadonlyMap<string, BusOpener> = new Map<BusKind, BusOpener>([
  ["stub", openStub],
  ["nats", openNats],
  ["kafka", openKafka],
  ["gcppubsub", openPubsub],
]);

/** The opener of a kind of bus. @throws Error naming the kinds there are. */
export function findBusOpener(kind: string): BusOpener {
  const opener = openers.get(kind);
  if (opener !== undefined) return opener;
  throw new Error(`BUS_KIND must be one of ${[...openers.keys()].join(", ")}, was "${kind}"`);
}
