export {
  BusError,
  BusRefusedError,
  BusUnavailableError,
  LogFullError,
  RecordTooLargeError,
  recordBytes,
} from "./bus.ts";
export type { Backlog, Bus, BusLog, BusReader, BusRecord, BusTrouble, HeldRecord, LogSpec, ReaderSpec } from "./bus.ts";
export { systemClock } from "./clock.ts";
export type { Clock } from "./clock.ts";
export type { Consumer, ConsumerLimits, Destination, ReplyRule } from "./delivery/consumer.ts";
export type { CircuitView, Gate } from "./delivery/gate.ts";
export type { KnownConsumer } from "./delivery/consumer-table.ts";
export type { DeadLetter, DeadLetterReason, DeadLetterStore } from "./delivery/dead-letter-store.ts";
export { takeInHand } from "./delivery/event-in-hand.ts";
export type { EventInHand } from "./delivery/event-in-hand.ts";
export type { LedgerEntry } from "./delivery/ledger.ts";
export type { Redriven } from "./delivery/redrive.ts";
export { DEFAULT_RETRY_POLICY, WAIT_MAX_MS } from "./delivery/retry-policy.ts";
export type { Backoff, RetryPolicy } from "./delivery/retry-policy.ts";
export type { Sender, SendOutcome, SendRequest } from "./delivery/sender.ts";
export { deleteStream, openStreamDelivery } from "./delivery/stream-delivery.ts";
export type {
  DeliveryPorts,
  Reading,
  RefusedConsumer,
  StreamDelivery,
  StreamDeliverySpec,
} from "./delivery/stream-delivery.ts";
export type { StreamRules } from "./delivery/tools.ts";
export { makeTimeouts } from "./timeouts.ts";
export type { Timeout, Timeouts } from "./timeouts.ts";
export { makeMemoryDeadLetterStore } from "./stub/memory-dead-letter-store.ts";
export { openStubBus } from "./stub/stub-bus.ts";
