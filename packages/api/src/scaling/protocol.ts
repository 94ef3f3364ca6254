import { Type, type Static } from "typebox";

// The internal HTTP contract between activators and the autoscaler (see ARCHITECTURE.md, "The scale decision's way").
//
// Activator → autoscaler leader, one long-lived request:
//   POST /internal/v1/reports   chunked NDJSON, one `ActivatorReport` a line: on connect, then every second, and at
//                               once when the first request arrives at a revision without pods.
// Autoscaler → each activator's internal port:
//   POST /internal/v1/cordon    CordonRequest → CordonReply. Idempotent. The activator sends nothing new to the pods.
//   POST /internal/v1/uncordon  CordonRequest → CordonReply. Undoes it.
//   POST /internal/v1/hold      HoldRequest → HoldReply. "Idle, holding" or "no". A held revision queues new requests and
//                               reports at once, which lifts the hold at that activator.
// serving-controller → each activator's internal port:
//   GET  /internal/v1/table?since=N&waitSeconds=S → RoutingTableReport (long poll: answers when version > N, or after S).

/** One revision as one activator sees it. Counters only grow while `bootId` stays, so lost or doubled reports are harmless. */
export const RevisionReport = Type.Object({
  namespace: Type.String(),
  revision: Type.String(),
  /** Integral of (in flight + queued) over time, in request-milliseconds, since boot. */
  concurrencyMs: Type.Number({ minimum: 0 }),
  /** Requests that ended since boot. */
  requestsEnded: Type.Integer({ minimum: 0 }),
  /** Requests now at pods, open streams and websockets included. */
  inFlight: Type.Integer({ minimum: 0 }),
  /** Requests now waiting for a pod or for a free slot. */
  queued: Type.Integer({ minimum: 0 }),
  /** In flight per pod name, for pods with any. */
  pods: Type.Record(Type.String(), Type.Integer({ minimum: 0 })),
  /** Names of pods that this activator sends requests to (Ready, or opened early). */
  openPods: Type.Array(Type.String()),
});
export type RevisionReport = Static<typeof RevisionReport>;

/** One line of an activator's report stream. Lists every revision with traffic since the last line or anything in flight or queued. */
export const ActivatorReport = Type.Object({
  /** Name of the activator's Pod. */
  activator: Type.String(),
  /** New at each start of the process; counters of another boot are not comparable. */
  bootId: Type.String(),
  /** Grows by one a line. */
  sequence: Type.Integer({ minimum: 0 }),
  /** Milliseconds on the activator's monotonic clock when the line was made; differences give the averaging interval. */
  monotonicMs: Type.Number({ minimum: 0 }),
  revisions: Type.Array(RevisionReport),
});
export type ActivatorReport = Static<typeof ActivatorReport>;

/** Asks that no new request goes to these pods of one revision. */
export const CordonRequest = Type.Object({
  namespace: Type.String(),
  revision: Type.String(),
  pods: Type.Array(Type.String(), { maxItems: 1000 }),
});
export type CordonRequest = Static<typeof CordonRequest>;

/** In flight per asked pod after the request took effect; 0 for a pod this activator does not know. */
export const CordonReply = Type.Object({
  inFlight: Type.Record(Type.String(), Type.Integer({ minimum: 0 })),
});
export type CordonReply = Static<typeof CordonReply>;

/** Asks whether the revision is idle here and, if so, to queue what comes from now on. */
export const HoldRequest = Type.Object({ namespace: Type.String(), revision: Type.String() });
export type HoldRequest = Static<typeof HoldRequest>;

/** `holding` is false when anything is in flight or queued; the autoscaler then must not scale to zero. */
export const HoldReply = Type.Object({ holding: Type.Boolean() });
export type HoldReply = Static<typeof HoldReply>;

/** What an activator serves now: for each Ingress (`namespace/name`) the generation it has applied. */
export const RoutingTableReport = Type.Object({
  bootId: Type.String(),
  version: Type.Integer({ minimum: 0 }),
  ingresses: Type.Record(Type.String(), Type.Integer()),
});
export type RoutingTableReport = Static<typeof RoutingTableReport>;

/** Name of the Lease whose holder is the autoscaler that decides; `holderIdentity` is `<podName>_<podIP>:<internalPort>`. */
export const autoscalerLeaseName = "autoscaler";
/** Name of the Service (and so the label `kubernetes.io/service-name` of the EndpointSlices) in front of the activators. */
export const activatorServiceName = "activator";
/** Name of the port of that Service at which activators answer internal calls. */
export const activatorInternalPortName = "internal";
