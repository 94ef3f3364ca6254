/** What a revision's owner and the operator asked for, parsed once: the fixed input of every scale decision. */
export interface ScaleSpec {
  /** Which measurement drives the scale: requests at a time, or requests ended per second. */
  readonly metric: "concurrency" | "rps";
  /** Load one pod should carry: the total target times its utilization. At least 0.01. */
  readonly targetPerPod: number;
  readonly stableWindowMs: number;
  readonly panicWindowMs: number;
  /** Panic starts when the panic window asks for at least this many times the ready pods. */
  readonly panicThresholdRatio: number;
  readonly scaleUpRateMax: number;
  readonly scaleDownRateMax: number;
  readonly scaleDownDelayMs: number;
  readonly podCountMin: number;
  /** 0 = no limit. */
  readonly podCountMax: number;
  readonly podCountInitial: number;
  /** Floor when coming from zero; 1 when none was asked for. */
  readonly podCountActivation: number;
  readonly canScaleToZero: boolean;
  /** Quiet time after the stable window before the last pod goes. */
  readonly scaleToZeroGraceMs: number;
  /** How long an activation may go without one ready pod before it is given up. */
  readonly progressDeadlineMs: number;
  /** False once no route leads to the revision: then minimum and initial scale no longer hold pods. */
  readonly isReachable: boolean;
}
