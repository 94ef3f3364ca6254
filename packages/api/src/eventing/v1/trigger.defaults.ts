import { defaultDelivery, defaultDestination, defaultReference } from "../../duck/destination.defaults.ts";
import { specErrors } from "../../meta/schema-check.ts";
import type { EventingAdmissionContext } from "../context.ts";
import { eventingLabels } from "./labels.ts";
import { Trigger } from "./trigger.types.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultTrigger(trigger: Trigger, _context?: EventingAdmissionContext<Trigger>): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(Trigger, trigger).length > 0) return;
  const { namespace } = trigger.metadata;
  const spec = (trigger.spec ??= {});
  spec.filter ??= {};
  defaultReference(spec.brokerRef, namespace);
  defaultDestination(spec.subscriber, namespace);
  defaultDelivery(spec.delivery, namespace);
  labelWithBroker(trigger);
}

// Labels are shorter than names may be; a label that is refused would say nothing of the cause.
function labelWithBroker({ metadata, spec }: Trigger): void {
  const { broker = "" } = spec;
  if (broker === "" || broker.length > 63) return;
  metadata.labels = { ...metadata.labels, [eventingLabels.broker]: broker };
}
