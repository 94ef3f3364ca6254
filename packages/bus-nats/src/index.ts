export { openNatsBus } from "./nats-bus.ts";
export type { NatsBus } from "./nats-bus.ts";
export type { DeadLetterSpec } from "./jetstream-dead-letters.ts";
export type { NatsCredentials, NatsOptions } from "./nats-connection.ts";
