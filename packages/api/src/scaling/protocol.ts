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

// The values of the same names are JSON Schemas for the HTTP edge. They are plain objects rather than TypeBox values because
// every service loads this file at its start, and TypeBox's import alone takes longer than the rest of it.

const count = { type: "integer", minimum: 0 } as const;
const name = { type: "string", minLength: 1, maxLength: 253 } as const;

/** One revision as one activator sees it. Counters only grow while `bootId` stays, so lost or doubled reports are harmless. */
export interface RevisionReport {
  namespace: string;
  revision: string;
  /** Integral of (in flight + queued) over time, in request-milliseconds, since boot. */
  concurrencyMs: number;
  /** Requests that ended since boot. */
  requestsEnded: number;
  /** Requests now at pods, open streams and websockets included. */
  inFlight: number;
  /** Requests now waiting for a pod or for a free slot. */
  queued: number;
  /** In flight per pod name, for pods with any. */
  pods: Record<string, number>;
  /** Names of pods that this activator sends requests to (Ready, or opened early). */
  openPods: string[];
}

/** JSON Schema of a RevisionReport. */
export const RevisionReport = {
  type: "object",
  required: ["namespace", "revision", "concurrencyMs", "requestsEnded", "inFlight", "queued", "pods", "openPods"],
  properties: {
    namespace: name,
    revision: name,
    concurrencyMs: { type: "number", minimum: 0 },
    requestsEnded: count,
    inFlight: count,
    queued: count,
    pods: { type: "object", additionalProperties: count },
    openPods: { type: "array", items: name },
  },
} as const;

/** One line of an activator's report stream. Lists every revision with traffic since the last line or anything in flight or queued. */
export interface ActivatorReport {
  /** Name of the activator's Pod. */
  activator: string;
  /** New at each start of the process; counters of another boot are not comparable. */
  bootId: string;
  /** Grows by one a line. */
  sequence: number;
  /** Milliseconds on the activator's monotonic clock when the line was made; differences give the averaging interval. */
  monotonicMs: number;
  revisions: RevisionReport[];
}

/** JSON Schema of an ActivatorReport. */
export const ActivatorReport = {
  type: "object",
  required: ["activator", "bootId", "sequence", "monotonicMs", "revisions"],
  properties: {
    activator: name,
    bootId: name,
    sequence: count,
    monotonicMs: { type: "number", minimum: 0 },
    revisions: { type: "array", items: RevisionReport },
  },
} as const;

/** Asks that no new request goes to these pods of one revision (at most 1000 a call). */
export interface CordonRequest {
  namespace: string;
  revision: string;
  pods: string[];
}

/** JSON Schema of a CordonRequest. */
export const CordonRequest = {
  type: "object",
  required: ["namespace", "revision", "pods"],
  properties: { namespace: name, revision: name, pods: { type: "array", items: name, maxItems: 1000 } },
} as const;

/** In flight per asked pod after the request took effect; 0 for a pod this activator does not know. */
export interface CordonReply {
  inFlight: Record<string, number>;
}

/** Asks whether the revision is idle here and, if so, to queue what comes from now on. */
export interface HoldRequest {
  namespace: string;
  revision: string;
}

/** JSON Schema of a HoldRequest. */
export const HoldRequest = {
  type: "object",
  required: ["namespace", "revision"],
  properties: { namespace: name, revision: name },
} as const;

/** `holding` is false when anything is in flight or queued; the autoscaler then must not scale to zero. */
export interface HoldReply {
  holding: boolean;
}

/** What an activator serves now: for each Ingress (`namespace/name`) the generation it has applied. */
export interface RoutingTableReport {
  bootId: string;
  version: number;
  ingresses: Record<string, number>;
}

/** Name of the Lease whose holder is the autoscaler that decides; `holderIdentity` is `<podName>_<podIP>:<internalPort>`. */
export const autoscalerLeaseName = "autoscaler";
/** Name of the Service (and so the label `kubernetes.io/service-name` of the EndpointSlices) in front of the activators. */
export const activatorServiceName = "activator";
/** Name of the port of that Service at which activators answer internal calls. */
export const activatorInternalPortName = "internal";
