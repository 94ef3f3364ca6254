import type { BuildConfig } from "@kelvin/api/build/v1alpha1";
import type { ControllerMetrics, EventRecorder, Log } from "@kelvin/controller";
import type { Clock, KubeClient } from "@kelvin/kube";
import type { Informers } from "./informers.ts";

/** What every controller of this app is made of. */
export interface ControllerKit {
  readonly common: {
    readonly kube: KubeClient;
    readonly clock: Clock;
    readonly recorder: EventRecorder;
    readonly log: Log;
    readonly metrics?: ControllerMetrics;
    /** Keys that each controller reconciles at once. */
    readonly concurrency: number;
  };
  readonly informers: Informers;
  /** The cluster's settings now; ask anew for each reconcile. */
  readonly config: () => BuildConfig;
}
