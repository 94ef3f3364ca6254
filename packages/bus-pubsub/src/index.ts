export { openPubsubBus } from "./pubsub-bus.ts";
export type { PubsubBus } from "./pubsub-bus.ts";
export type { PubsubOptions } from "./pubsub-connection.ts";
