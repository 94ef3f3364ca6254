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
import { eventingDefinitionLabels } from "../../eventing/v1/labels.ts";
import { messagingGroup } from "./labels.ts";

/** What is wanted of a Subscription. */
export const SubscriptionSpec = Type.Object({
  channel: Type.Optional(described(KReference, "The channel, in the same namespace. Never changes.")),
  subscriber: Type.Optional(described(Destination, "Where the events go.")),
  reply: Type.Optional(described(Destination, "Where answers go that are events. Default: nowhere.")),
  delivery: Type.Optional(
    described(DeliverySpec, "How events are delivered. Replaces the channel's, all but the dead-letter sink."),
  ),
});
export type SubscriptionSpec = Static<typeof SubscriptionSpec>;

/** The addresses of a Subscription, resolved. */
export const PhysicalSubscription = Type.Object({
  ...subscriberStatusProperties,
  replyUri: optionalText("Where answers go that are events."),
  replyCACerts: optionalText("PEM certificates that its certificate may be signed by."),
  replyAudience: optionalText("Its OIDC audience."),
  ...deliveryStatusProperties,
});
export type PhysicalSubscription = Static<typeof PhysicalSubscription>;

/** What is observed of a Subscription. */
export const SubscriptionStatus = Type.Object({
  ...statusProperties,
  ...authStatusProperties,
  physicalSubscription: Type.Optional(described(PhysicalSubscription, "The addresses that are in use.")),
});
export type SubscriptionStatus = Static<typeof SubscriptionStatus>;

/** Wants the events of a channel. */
export interface Subscription extends KubeObject {
  spec: SubscriptionSpec;
  status?: SubscriptionStatus;
}

/** Names of a Subscription's conditions. */
export const subscriptionConditions = {
  referencesResolved: "ReferencesResolved",
  addedToChannel: "AddedToChannel",
  channelReady: "ChannelReady",
  oidcIdentityCreated: "OIDCIdentityCreated",
} as const;

/** The Subscription kind. */
export const Subscription: CustomKind<Subscription> = {
  group: messagingGroup,
  version: "v1",
  kind: "Subscription",
  plural: "subscriptions",
  singular: "subscription",
  namespaced: true,
  shortNames: ["sub"],
  categories: ["all", "knative", "messaging"],
  description: "Subscription has the events of a channel delivered to a subscriber, and its answers sent on.",
  spec: SubscriptionSpec,
  status: SubscriptionStatus,
  printerColumns: [ageColumn, ...readyColumns],
  labels: eventingDefinitionLabels,
  conditions: conditionSet(Object.values(subscriptionConditions)),
};
