import type { AdmissionContext } from "../../serving/v1/context.ts";
import type { PodAutoscaler } from "./pod-autoscaler.types.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultPodAutoscaler(_object: PodAutoscaler, _context: AdmissionContext<PodAutoscaler>): void {}
