import {
  compileFilters,
  markFilterInvalid,
  markNotSubscribed,
  markSubscribed,
  markSubscriptionUnknown,
  type Broker,
  type Trigger,
  type TriggerStatus,
} from "@kelvin/api/eventing/v1";
import { statusAnnotations } from "../../model/annotations.ts";
import { limitsOf } from "../../model/limits.ts";
import type { BusWatch } from "../bus-watch/bus-watch.ts";
import { decideServing, type Serving } from "../serving.ts";

// Condition SubscriptionReady: whether all of the Trigger's future events will be delivered.

/** How a Trigger stands at the bus of its Broker. */
export type Subscription =
  | (Serving & { readonly bus: string })
  /** There is no stream that it could be served from. */
  | { readonly kind: "none"; readonly message: string };

/** Asks the bus that serves the Broker. */
export function findSubscription(
  trigger: Trigger,
  broker: Broker | undefined,
  buses: Pick<BusWatch, "find" | "names">,
): Subscription {
  if (broker === undefined) return { kind: "none", message: "it waits for its Broker" };
  const bus = broker.status?.annotations?.[statusAnnotations.bus];
  if (bus === undefined) {
    return { kind: "none", message: `no bus serves Broker "${broker.metadata.name ?? ""}" yet` };
  }
  const { uid = "", generation = 0 } = trigger.metadata;
  return { bus, ...decideServing({ buses, bus, what: "consumer", uid, generation }) };
}

/** Says it in the status, with its bus, and with where it begins, which must stand there before it is ready. */
export function markSubscription(
  trigger: Trigger,
  { status, subscription, now }: { status: TriggerStatus; subscription: Subscription; now: Date },
): void {
  noteBus(status, subscription);
  const filterProblem = compileFilters(trigger.spec).problem;
  if (filterProblem !== undefined) return markFilterInvalid(status, filterProblem, now);
  const limitsProblem = limitsOf(trigger.metadata.annotations).problem;
  if (limitsProblem !== undefined) return markNotSubscribed(status, `metadata.annotations: ${limitsProblem}`, now);
  switch (subscription.kind) {
    case "none":
    case "waiting":
      return markSubscriptionUnknown(status, subscription.message, now);
    case "absent":
    case "failed":
      return markNotSubscribed(status, subscription.message, now);
    case "serving":
      if (status.annotations?.[statusAnnotations.since] !== undefined) return markSubscribed(status, now);
      return markSubscriptionUnknown(status, "the bus has not said yet where in the stream it begins", now);
  }
}

function noteBus(status: TriggerStatus, subscription: Subscription): void {
  if (subscription.kind === "none" || subscription.kind === "absent") return;
  note(status, "bus", subscription.bus);
  if (subscription.kind !== "serving" || subscription.served.since === null) return;
  // Only the first one: replicas may differ until they have read it, and events between two would be lost.
  if (status.annotations?.[statusAnnotations.since] === undefined) note(status, "since", subscription.served.since);
}

function note(status: TriggerStatus, key: keyof typeof statusAnnotations, value: string): void {
  status.annotations = { ...status.annotations, [statusAnnotations[key]]: value };
}
