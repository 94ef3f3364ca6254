import type { ControlPlanePart } from "@kelvin/controller";
import type { ControllerKit } from "./controller-kit.ts";

/** Starts all reconcilers of this role, and what they share. Closed in any order. */
export async function openReconcilers(_kit: ControllerKit): Promise<readonly ControlPlanePart[]> {
  return [];
}
