import { addResources, noResources, type Resources } from "./fit.ts";

/**
 * What was promised to pods whose binding has not come back from the watch yet. Without it, pods that arrive together
 * would all be given the same free place.
 */
export interface Assumptions {
  assume(podUid: string, nodeName: string, resources: Resources): void;
  /** The binding failed, or the informer shows it, or the pod is gone. */
  forget(podUid: string): void;
  /** Whether the pod has been promised a node already, though the copy at hand does not show it. */
  has(podUid: string): boolean;
  heldOn(nodeName: string): Resources;
}

export function openAssumptions(): Assumptions {
  const held = new Map<string, { nodeName: string; resources: Resources }>();
  return {
    assume: (podUid, nodeName, resources) => held.set(podUid, { nodeName, resources }),
    forget: (podUid) => held.delete(podUid),
    has: (podUid) => held.has(podUid),
    heldOn(nodeName) {
      let total = noResources;
      for (const entry of held.values()) if (entry.nodeName === nodeName) total = addResources(total, entry.resources);
      return total;
    },
  };
}
