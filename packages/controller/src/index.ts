// Controllers.
export { openController } from "./controller.ts";
export type { Controller, ControllerCommon, ControllerOptions } from "./controller.ts";
export { reconcileKey } from "./reconcile-loop.ts";
export type { Reconcile, ReconcileContext, ReconcileRules } from "./reconcile-loop.ts";
export { requeueAfter, TerminalError, waitForEvent } from "./outcome.ts";
export type { Outcome } from "./outcome.ts";
export { enqueueByLabel, enqueueOwner, watching } from "./key-mapper.ts";
export type { KeyMapper, WatchSource } from "./key-mapper.ts";
export { openEventRecorder, silentRecorder } from "./event-recorder.ts";
export type { EventRecorder, EventRecorderOptions, OpenEventRecorder } from "./event-recorder.ts";
export { openConfigWatcher } from "./config-watcher.ts";
export type { ConfigSource, ConfigValues, ConfigWatcher, ConfigWatcherOptions } from "./config-watcher.ts";
export { openLeaderElection } from "./leader-election.ts";
export type { LeaderElection, LeaderElectionOptions } from "./leader-election.ts";
export { trackSynced, untilAborted } from "./sync-view.ts";
export type { SyncView } from "./sync-view.ts";
export { noMetrics } from "./controller-metrics.ts";
export type { ControllerMetrics, ReconcileResult } from "./controller-metrics.ts";
export { silentLog } from "./log.ts";
export type { Log } from "./log.ts";
export { openWorkQueue } from "./work-queue.ts";
export type { QueuedKey, WorkQueue, WorkQueueOptions } from "./work-queue.ts";

// Children of an object.
export { ensureChild, NotOwnedError } from "./owned-child.ts";
export type { ChildDeps, ChildPlan } from "./owned-child.ts";
export { defaulted, mergeExactly, mergeKeepingForeign } from "./merge-desired.ts";

// A whole service of controllers and webhooks.
export { openControlPlane } from "./control-plane.ts";
export type {
  ControlPlane,
  ControlPlaneAdmission,
  ControlPlaneKit,
  ControlPlaneOptions,
  ControlPlanePart,
  ControlPlanePlace,
} from "./control-plane.ts";

// Admission webhooks.
export { openAdmissionServer } from "./admission/admission-server.ts";
export type { AdmissionServer, AdmissionServerOptions } from "./admission/admission-server.ts";
export type { AdmissionRequest, AdmissionVerdict, AdmissionWebhook } from "./admission/admission-review.ts";
export { refuseConfigMap } from "./admission/config-map-check.ts";
export type { ConfigMapParsers } from "./admission/config-map-check.ts";
