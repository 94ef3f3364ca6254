import { defaultEventType, EventType } from "@kelvin/api/eventing/v1beta3";
import { openController, type Controller } from "@kelvin/controller";
import type { ControllerKit } from "../controller-kit.ts";
import { reconcileEventType } from "./reconcile.ts";

/** Wakes an EventType when it or what it refers to changes. */
export function openEventTypeController({ common, informers, destinations }: ControllerKit): Controller {
  const tracker = destinations.openTracker();
  return openController({
    ...common,
    name: "event-type-controller",
    kind: EventType,
    informer: informers.eventTypes,
    watches: [tracker.wakes],
    default: defaultEventType,
    forget: (key) => tracker.forget(key),
    reconcile: (eventType, context) =>
      tracker.asking(context.key, (lookup) => reconcileEventType(eventType, { ...context, lookup })),
  });
}
