import type { EventRecorder, Log } from "@kelvin/controller";
import type { Clock, KubeClient } from "@kelvin/kube";
import type { ClusterInformers } from "./cluster-informers.ts";

/** What every built-in controller is opened with. */
export interface ControllerBase {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly informers: ClusterInformers;
  /** The recorder whose events come from this component. */
  readonly recorderOf: (component: string) => EventRecorder;
}
