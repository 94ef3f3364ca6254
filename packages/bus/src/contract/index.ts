export { describeBus } from "./bus.contract.ts";
export type { BusUnderTest } from "./bus.contract.ts";
