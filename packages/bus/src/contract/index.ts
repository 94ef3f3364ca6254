export { describeBus } from "./bus.contract.ts";
export type { BusUnderTest } from "./bus.contract.ts";
export { describeDeadLetterStore } from "./dead-letter-store.contract.ts";
export type { DeadLetterStoreUnderTest } from "./dead-letter-store.contract.ts";
