import { channelableSpecProperties, channelableStatusProperties, KReference } from "../../duck/destination.types.ts";
import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { ageColumn, readyColumns, urlColumn, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { described, optionalText, Preserved, Type, type Static } from "../../meta/schema.ts";
import { channelDefinitionLabels, messagingGroup } from "./labels.ts";

/** What a Channel is made of. */
export const ChannelTemplateSpec = Type.Object({
  apiVersion: optionalText("API version of the channel to make."),
  kind: optionalText("Kind of the channel to make, such as InMemoryChannel."),
  spec: Type.Optional(Preserved({ description: "What the spec of that channel begins with." })),
});
export type ChannelTemplateSpec = Static<typeof ChannelTemplateSpec>;

/** What is wanted of a Channel. */
export const ChannelSpec = Type.Object({
  channelTemplate: Type.Optional(
    described(ChannelTemplateSpec, "What the Channel is made of. Default: by default-ch-webhook. Never changes."),
  ),
  ...channelableSpecProperties,
});
export type ChannelSpec = Static<typeof ChannelSpec>;

/** What is observed of a Channel. */
export const ChannelStatus = Type.Object({
  ...statusProperties,
  ...channelableStatusProperties,
  channel: Type.Optional(described(KReference, "The channel that was made.")),
});
export type ChannelStatus = Static<typeof ChannelStatus>;

/** Takes events and gives each to all of its Subscriptions; what does that is said by a template. */
export interface Channel extends KubeObject {
  spec: ChannelSpec;
  status?: ChannelStatus;
}

/** Names of a Channel's conditions. */
export const channelConditions = {
  backingChannelReady: "BackingChannelReady",
  addressable: "Addressable",
  deadLetterSinkResolved: "DeadLetterSinkResolved",
  eventPoliciesReady: "EventPoliciesReady",
} as const;

/** The Channel kind. */
export const Channel: CustomKind<Channel> = {
  group: messagingGroup,
  version: "v1",
  kind: "Channel",
  plural: "channels",
  singular: "channel",
  namespaced: true,
  shortNames: ["ch"],
  categories: ["all", "knative", "messaging", "channel"],
  description: "Channel has an address that takes events, and delivers each to all of its Subscriptions.",
  spec: ChannelSpec,
  status: ChannelStatus,
  printerColumns: [urlColumn, ageColumn, ...readyColumns],
  labels: channelDefinitionLabels,
  conditions: conditionSet(Object.values(channelConditions)),
};
