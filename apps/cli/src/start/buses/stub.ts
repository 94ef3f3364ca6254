import { type ChosenBus, openedBus } from "./bus.ts";

/** The bus in memory: it needs nothing, and is there whichever else is. */
export function chooseStub(): ChosenBus {
  return { name: "stub", open: () => Promise.resolve(openedBus()) };
}
