/** What a bus is made of. */
export type BusKind = "stub" | "nats" | "kafka" | "gcppubsub";
