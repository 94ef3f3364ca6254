// The buses of the oracle, by their broker's address, for the process that is struck and for the eye that looks on.
import type { Bus, DeadLetterStore } from "@kelvin/bus";

/** Where a broker is: `host:port`. */
export interface BrokerAddress {
  readonly kind: "nats" | "kafka" | "gcppubsub";
  readonly at: string;
}

export interface BrokerBus extends Bus {
  openDeadLetterStore(spec: { readonly id: string; readonly bytesMax: number }): Promise<DeadLetterStore>;
}

export async function openBrokerBus(
  { kind, at }: BrokerAddress,
  options: { readonly name: string; readonly silenceMsMax?: number },
): Promise<BrokerBus> {
  if (kind === "kafka") {
    const { openKafkaBus } = await import("@kelvin/bus-kafka");
    // Often enough that what is finished is removed in the middle of everything.
    return openKafkaBus({ brokers: [at], trimMs: 1_000, ...options });
  }
  if (kind === "gcppubsub") {
    const { openPubsubBus } = await import("@kelvin/bus-pubsub");
    // Less than 10 s the service does not know.
    const silenceMsMax = Math.max(options.silenceMsMax ?? 0, 10_000);
    return openPubsubBus({ projectId: "oracle", emulatorHost: at, ...options, silenceMsMax });
  }
  const { openNatsBus } = await import("@kelvin/bus-nats");
  return openNatsBus({ servers: [`nats://${at}`], ...options });
}
