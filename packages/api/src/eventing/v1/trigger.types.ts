import {
  authStatusProperties,
  DeliverySpec,
  deliveryStatusProperties,
  Destination,
  KReference,
  subscriberStatusProperties,
} from "../../duck/destination.types.ts";
import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { ageColumn, readyColumns, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { described, optionalText, Type, type Static } from "../../meta/schema.ts";
import { SubscriptionsAPIFilter, TriggerFilter } from "./filter.types.ts";
import { eventingDefinitionLabels, eventingGroup } from "./labels.ts";

/** What is wanted of a Trigger. */
export const TriggerSpec = Type.Object({
  broker: optionalText("Name of the Broker, in the same namespace. Never changes."),
  brokerRef: Type.Optional(
    described(KReference, "A Broker of another namespace. Only with the feature cross-namespace-event-links."),
  ),
  filter: Type.Optional(described(TriggerFilter, "Which events are wanted, by exact attributes. Default: all.")),
  filters: Type.Optional(
    Type.Array(SubscriptionsAPIFilter, {
      description: "Which events are wanted: those that match all of these. If there are any, filter does not count.",
    }),
  ),
  subscriber: Type.Optional(described(Destination, "Where the events go. Answers that are events go to the Broker.")),
  delivery: Type.Optional(described(DeliverySpec, "How events are delivered. Replaces the Broker's as a whole.")),
});
export type TriggerSpec = Static<typeof TriggerSpec>;

/** What is observed of a Trigger. */
export const TriggerStatus = Type.Object({
  ...statusProperties,
  ...subscriberStatusProperties,
  ...deliveryStatusProperties,
  ...authStatusProperties,
});
export type TriggerStatus = Static<typeof TriggerStatus>;

/** Wants the events of a Broker that match its filters. */
export interface Trigger extends KubeObject {
  spec: TriggerSpec;
  status?: TriggerStatus;
}

/** Names of a Trigger's conditions. */
export const triggerConditions = {
  brokerReady: "BrokerReady",
  subscriptionReady: "SubscriptionReady",
  dependencyReady: "DependencyReady",
  subscriberResolved: "SubscriberResolved",
  deadLetterSinkResolved: "DeadLetterSinkResolved",
  oidcIdentityCreated: "OIDCIdentityCreated",
} as const;

/** The Trigger kind. */
export const Trigger: CustomKind<Trigger> = {
  group: eventingGroup,
  version: "v1",
  kind: "Trigger",
  plural: "triggers",
  singular: "trigger",
  namespaced: true,
  shortNames: [],
  categories: ["all", "knative", "eventing"],
  description: "Trigger has the events of a Broker that match its filters delivered to a subscriber.",
  spec: TriggerSpec,
  status: TriggerStatus,
  printerColumns: [
    { name: "Broker", type: "string", jsonPath: ".spec.broker" },
    { name: "Subscriber_URI", type: "string", jsonPath: ".status.subscriberUri" },
    ageColumn,
    ...readyColumns,
  ],
  labels: eventingDefinitionLabels,
  conditions: conditionSet(Object.values(triggerConditions)),
};
