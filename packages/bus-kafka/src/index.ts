export { openKafkaBus } from "./kafka-bus.ts";
export type { KafkaBus } from "./kafka-bus.ts";
export type { DeadLetterSpec } from "./kafka-dead-letters.ts";
export type { KafkaOptions } from "./kafka-connection.ts";
