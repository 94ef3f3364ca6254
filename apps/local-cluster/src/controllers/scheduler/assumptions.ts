import { addDemand, type Demand, noDemand } from "./demand.ts";

/**
 * What was promised to pods whose binding has not come back from the watch yet. Without it, pods that arrive together
 * would all be given the same free place.
 */
export interface Assumptions {
  assume(podUid: string, nodeName: string, demand: Demand): void;
  /** The binding failed, or the informer shows it, or the pod is gone. */
  forget(podUid: string): void;
  /** Whether the pod has been promised a node already, though the copy at hand does not show it. */
  has(podUid: string): boolean;
  heldOn(nodeName: string): Demand;
}

export function openAssumptions(): Assumptions {
  const held = new Map<string, { nodeName: string; demand: Demand }>();
  return {
    assume: (podUid, nodeName, demand) => held.set(podUid, { nodeName, demand }),
    forget: (podUid) => held.delete(podUid),
    has: (podUid) => held.has(podUid),
    heldOn(nodeName) {
      let total = noDemand;
      for (const entry of held.values()) if (entry.nodeName === nodeName) total = addDemand(total, entry.demand);
      return total;
    },
  };
}
