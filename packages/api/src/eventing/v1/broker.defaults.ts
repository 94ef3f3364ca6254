import { defaultDelivery, defaultReference } from "../../duck/destination.defaults.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { brokerClassFor, brokerSettingsFor, type BrokerSettings } from "../config/broker-defaults-config.ts";
import type { EventingAdmissionContext } from "../context.ts";
import { Broker, type BrokerSpec } from "./broker.types.ts";
import { eventingAnnotations } from "./labels.ts";

/**
 * Fills in what the author left out. Changes the object given; give it a copy. What never changes, class and configuration, comes
 * from the stored object if there is one, lest a new default look like a change.
 */
export function defaultBroker(
  broker: Broker,
  { config, old }: Pick<EventingAdmissionContext<Broker>, "config" | "old">,
): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(Broker, broker).length > 0) return;
  const { namespace = "" } = broker.metadata;
  const brokerClass = classOf(broker) ?? classOf(old) ?? brokerClassFor(config.brokerDefaults, namespace);
  broker.metadata.annotations = { ...broker.metadata.annotations, [eventingAnnotations.brokerClass]: brokerClass };
  broker.spec ??= {};
  fillSpec(broker.spec, old?.spec, brokerSettingsFor(config.brokerDefaults, { namespace, brokerClass }));
  defaultReference(broker.spec.config, broker.metadata.namespace);
  defaultDelivery(broker.spec.delivery, broker.metadata.namespace);
}

function fillSpec(spec: BrokerSpec, old: BrokerSpec | undefined, settings: BrokerSettings): void {
  const configuration = spec.config ?? old?.config ?? settings.config;
  if (configuration !== undefined) spec.config = { ...configuration };
  const delivery = spec.delivery ?? settings.delivery;
  if (delivery !== undefined) spec.delivery = structuredClone(delivery);
}

function classOf(broker: Broker | undefined): string | undefined {
  const given = broker?.metadata.annotations?.[eventingAnnotations.brokerClass] ?? "";
  return given === "" ? undefined : given;
}
