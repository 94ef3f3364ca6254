import type { BusKind } from "./bus-kind.ts";
import { busName, type NamespacedName, type ObjectName } from "./names.ts";

// What 2018's dispatchers found at a broker ours find there too, so that one can take the other's place. Everything else has
// names with a hash: those of 2018 collide where names hold dashes (Pub/Sub) or are taken by several clusters (Kafka).

/** What is fixed by names of what a stream has at the broker. */
export interface StreamNames {
  readonly logId: string;
  /** What the adapter must know to give readers their names. */
  readonly settings: Readonly<Record<string, string>>;
  /** What its step logs are named after: never what people chose, which may be the name of another's step log. */
  readonly stepsId: string;
}

/** Names at the broker, for one bus. */
export interface BrokerNames {
  stream(stream: ObjectName): StreamNames;
  /** The id of a consumer, by its own kind and name. */
  consumer(consumer: ObjectName): string;
}

/** What channels and subscriptions of the founding kind are called there. */
interface Founded {
  logId(channel: NamespacedName): string;
  readonly settings: Readonly<Record<string, string>>;
  consumer(subscription: NamespacedName): string;
}

/** Names at the broker, as one bus gives them. `bus` is its name alone, without the namespace of a Bus. */
export function makeBrokerNames(kind: BusKind, bus: string): BrokerNames {
  const founded = foundedNames(kind, bus);
  return {
    stream(stream) {
      const stepsId = busName(stream);
      if (stream.kind !== "BusChannel" || founded === undefined) return { logId: stepsId, settings: {}, stepsId };
      return { logId: founded.logId(stream), settings: founded.settings, stepsId };
    },
    consumer: (consumer) =>
      consumer.kind === "BusSubscription" && founded !== undefined ? founded.consumer(consumer) : busName(consumer),
  };
}

function foundedNames(kind: BusKind, bus: string): Founded | undefined {
  if (kind === "kafka") {
    // Group {bus}.{namespace}.{subscription}. A namespace holds no dot, so that no two are the same.
    const dotted = ({ namespace, name }: NamespacedName): string => `${namespace}.${name}`;
    return { logId: dotted, settings: { groupPrefix: `${bus}.` }, consumer: dotted };
  }
  if (kind === "gcppubsub") {
    // The adapter writes dashes for the slashes; by the id it tells those apart that are the same then.
    const of = (what: string) => (object: NamespacedName) => `${what}/${bus}/${object.namespace}/${object.name}`;
    return { logId: of("channel"), settings: {}, consumer: of("subscription") };
  }
  return undefined;
}
