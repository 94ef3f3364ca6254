/** How a reconcile ended: done, to be called again later, failed and to be retried, or failed for good. */
export type ReconcileResult = "done" | "requeued" | "retried" | "terminal";

/** Told what controllers do; `@kelvin/http-service` has one that makes Prometheus metrics of it. */
export interface ControllerMetrics {
  /** How many keys wait. */
  queueDepth(controller: string, depth: number): void;
  /** How long a key waited before its reconcile began. */
  queueWaitMs(controller: string, waitMs: number): void;
  reconciled(controller: string, result: ReconcileResult, durationMs: number): void;
}

const ignore = (): void => {
  // Nothing counts.
};

/** Counts nothing. */
export const noMetrics: ControllerMetrics = { queueDepth: ignore, queueWaitMs: ignore, reconciled: ignore };
