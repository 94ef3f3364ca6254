import { eventingDefinitionLabels } from "../../eventing/v1/labels.ts";
import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { ageColumn, readyColumns, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { optionalText, Type, type Static } from "../../meta/schema.ts";
import { BusArgument } from "./arguments.ts";
import { channelsGroup } from "./labels.ts";

/** What is wanted of a Subscription. */
export const SubscriptionSpec = Type.Object({
  generation: Type.Optional(Type.Integer({ format: "int64", description: "Ignored: metadata.generation counts." })),
  channel: optionalText("Name of a Channel in the same namespace. Never changes."),
  subscriber: optionalText("Where the events go: a Service of the namespace by its name, a host name, or a URL."),
  replyTo: optionalText("Where answers go that have a body, in the same forms. Default: nowhere."),
  arguments: Type.Optional(Type.Array(BusArgument, { description: "What the Subscription says to the bus." })),
});
export type SubscriptionSpec = Static<typeof SubscriptionSpec>;

/** What is observed of a Subscription. */
export const SubscriptionStatus = Type.Object({
  ...statusProperties,
  subscriberUri: optionalText("The URL that the subscriber came to."),
  replyUri: optionalText("The URL that replyTo came to."),
});
export type SubscriptionStatus = Static<typeof SubscriptionStatus>;

/** Wants the events of a Channel. */
export interface Subscription extends KubeObject {
  spec: SubscriptionSpec;
  status?: SubscriptionStatus;
}

/** Names of a Subscription's conditions. v0.1 had no Ready beside it. */
export const subscriptionConditions = { dispatching: "Dispatching" } as const;

/** The Subscription kind of buses; messaging.knative.dev has another of the name, and the short names. */
export const Subscription: CustomKind<Subscription> = {
  group: channelsGroup,
  version: "v1alpha1",
  kind: "Subscription",
  plural: "subscriptions",
  singular: "subscription",
  namespaced: true,
  shortNames: [],
  categories: ["all", "knative", "eventing"],
  description: "Subscription has the events of a Channel delivered to a subscriber, and its answers sent on.",
  spec: SubscriptionSpec,
  status: SubscriptionStatus,
  printerColumns: [
    { name: "Channel", type: "string", jsonPath: ".spec.channel" },
    { name: "Subscriber", type: "string", jsonPath: ".status.subscriberUri" },
    ageColumn,
    ...readyColumns,
  ],
  labels: eventingDefinitionLabels,
  conditions: conditionSet(Object.values(subscriptionConditions)),
};
