export { openNatsBus } from "./nats-bus.ts";
export type { NatsOptions } from "./nats-connection.ts";
