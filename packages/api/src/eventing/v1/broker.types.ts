import {
  addressStatusProperties,
  DeliverySpec,
  deliveryStatusProperties,
  KReference,
  policiesStatusProperties,
} from "../../duck/destination.types.ts";
import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { ageColumn, readyColumns, urlColumn, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { described, Type, type Static } from "../../meta/schema.ts";
import { eventingDefinitionLabels, eventingGroup, eventingRoleLabels } from "./labels.ts";

/** What is wanted of a Broker. */
export const BrokerSpec = Type.Object({
  config: Type.Optional(
    described(KReference, "The ConfigMap with the settings of the Broker's class. Default: by config-br-defaults."),
  ),
  delivery: Type.Optional(described(DeliverySpec, "How events are delivered to Triggers that do not say it.")),
});
export type BrokerSpec = Static<typeof BrokerSpec>;

/** What is observed of a Broker. */
export const BrokerStatus = Type.Object({
  ...statusProperties,
  ...addressStatusProperties,
  ...deliveryStatusProperties,
  ...policiesStatusProperties,
});
export type BrokerStatus = Static<typeof BrokerStatus>;

/** Takes events and gives them to the Triggers that want them. */
export interface Broker extends KubeObject {
  spec: BrokerSpec;
  status?: BrokerStatus;
}

/** Names of a Broker's conditions. */
export const brokerConditions = {
  ingressReady: "IngressReady",
  triggerChannelReady: "TriggerChannelReady",
  filterReady: "FilterReady",
  addressable: "Addressable",
  deadLetterSinkResolved: "DeadLetterSinkResolved",
  eventPoliciesReady: "EventPoliciesReady",
} as const;

/** The Broker kind. */
export const Broker: CustomKind<Broker> = {
  group: eventingGroup,
  version: "v1",
  kind: "Broker",
  plural: "brokers",
  singular: "broker",
  namespaced: true,
  shortNames: [],
  categories: ["all", "knative", "eventing"],
  description:
    "Broker has an address that takes events, and delivers each to the subscribers of all Triggers that match it.",
  spec: BrokerSpec,
  status: BrokerStatus,
  printerColumns: [urlColumn, ageColumn, ...readyColumns],
  labels: { ...eventingDefinitionLabels, [eventingRoleLabels.addressable]: "true" },
  conditions: conditionSet(Object.values(brokerConditions)),
};
