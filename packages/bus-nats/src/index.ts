export { openNatsBus } from "./nats-bus.ts";
export type { NatsBus } from "./nats-bus.ts";
export type { DeadLetterSpec } from "./jetstream-dead-letters.ts";
export type { NatsOptions } from "./nats-connection.ts";
