import {
  markBrokerBusNotFound,
  markChannelTemplateFailed,
  markFilterReady,
  markFilterUnknown,
  markIngressReady,
  markIngressUnknown,
  markTriggerChannelFailed,
  markTriggerChannelReady,
  markTriggerChannelUnknown,
  setBrokerAddress,
  type Broker,
  type BrokerStatus,
} from "@kelvin/api/eventing/v1";
import { statusAnnotations } from "../../model/annotations.ts";
import { busOfBroker, type ConfigMapContent } from "../../model/bus-of.ts";
import { brokerUrl } from "../../model/names.ts";
import type { BusWatch } from "../bus-watch/bus-watch.ts";
import { decideServing, type Serving } from "../serving.ts";

/** Where a Broker is served, or why nowhere. */
export type Placement =
  | { readonly kind: "placed"; readonly bus: string; readonly url: string; readonly serving: Serving }
  | { readonly kind: "nowhere"; readonly message: string }
  | { readonly kind: "unreadable"; readonly message: string };

/** Finds out which bus serves a Broker, by its class or by its configuration, and how that stands to it. */
export function placeBroker(
  broker: Broker,
  content: ConfigMapContent | undefined,
  { buses, systemNamespace }: { readonly buses: Pick<BusWatch, "find" | "names">; readonly systemNamespace: string },
): Placement {
  const found = busOfBroker(broker, () => content);
  if (found.kind === "unreadable") return found;
  if (found.kind !== "bus") {
    const problem = found.kind === "unknown" ? found.message : "a Broker is not backed by a channel here";
    return { kind: "nowhere", message: `${problem}; buses that are there: ${buses.names().join(", ") || "none"}` };
  }
  const { namespace = "", name = "", uid = "", generation = 0 } = broker.metadata;
  const serving = decideServing({ buses, bus: found.bus, what: "stream", uid, generation });
  return { kind: "placed", bus: found.bus, url: brokerUrl(found.bus, { namespace, name }, systemNamespace), serving };
}

/** Says it in the status. A Broker that lost its configuration or its bus keeps the address that its senders know. */
export function markPlacement(status: BrokerStatus, placement: Placement, now: Date): void {
  switch (placement.kind) {
    case "unreadable":
      return markChannelTemplateFailed(status, placement.message, now);
    case "nowhere":
      return markNowhere(status, placement.message, now);
    case "placed":
      return markPlaced(status, placement, now);
  }
}

function markNowhere(status: BrokerStatus, message: string, now: Date): void {
  if (status.address === undefined) setBrokerAddress(status, undefined, now);
  markIngressUnknown(status, message, now);
  markFilterUnknown(status, message, now);
  markBrokerBusNotFound(status, message, now);
}

function markPlaced(
  status: BrokerStatus,
  { bus, url, serving }: Extract<Placement, { kind: "placed" }>,
  now: Date,
): void {
  if (serving.kind === "absent") return markNowhere(status, serving.message, now);
  status.annotations = { ...status.annotations, [statusAnnotations.bus]: bus };
  setBrokerAddress(status, url, now);
  if (serving.kind === "serving") {
    markTriggerChannelReady(status, now);
    markIngressReady(status, now);
    markFilterReady(status, now);
    return;
  }
  markIngressUnknown(status, serving.message, now);
  markFilterUnknown(status, serving.message, now);
  // Last, so that it is what Ready repeats.
  const mark = serving.kind === "failed" ? markTriggerChannelFailed : markTriggerChannelUnknown;
  mark(status, serving.message, now);
}
