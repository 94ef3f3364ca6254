export { pubsubMethods } from "./pubsub-methods.ts";
export type { PubsubMethod } from "./pubsub-methods.ts";
