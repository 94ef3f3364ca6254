import { addressStatusProperties } from "../../duck/destination.types.ts";
import { eventingDefinitionLabels, eventingRoleLabels } from "../../eventing/v1/labels.ts";
import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { ageColumn, readyColumns, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { described, optionalText, Type, type Static } from "../../meta/schema.ts";
import { BusArgument } from "./arguments.ts";
import { LocalReference } from "./bus.types.ts";
import { channelsGroup } from "./labels.ts";

/** What is wanted of a Channel. */
export const ChannelSpec = Type.Object({
  generation: Type.Optional(Type.Integer({ format: "int64", description: "Ignored: metadata.generation counts." })),
  bus: optionalText("Name of a Bus in the same namespace. This or clusterBus. Never changes."),
  clusterBus: optionalText("Name of a ClusterBus. This or bus. Never changes."),
  arguments: Type.Optional(Type.Array(BusArgument, { description: "What the Channel says to its bus." })),
});
export type ChannelSpec = Static<typeof ChannelSpec>;

/** What is observed of a Channel. */
export const ChannelStatus = Type.Object({
  ...statusProperties,
  // v0.1 had domainInternal alone; with an address a Channel can be a sink of anything that sends to addresses.
  ...addressStatusProperties,
  service: Type.Optional(described(LocalReference, "The Service that is its name.")),
  virtualService: Type.Optional(
    described(LocalReference, "v0.1's Istio VirtualService. Never set: the Service leads to the bus by itself."),
  ),
  domainInternal: optionalText("The host name that events are sent to."),
});
export type ChannelStatus = Static<typeof ChannelStatus>;

/** Takes events and gives each to all of its Subscriptions, by a bus. */
export interface Channel extends KubeObject {
  spec: ChannelSpec;
  status?: ChannelStatus;
}

/** Names of a Channel's conditions. Routeable is spelled as v0.1 spells it. */
export const channelConditions = {
  serviceable: "Serviceable",
  routeable: "Routeable",
  provisioned: "Provisioned",
} as const;

/** The Channel kind of buses; messaging.knative.dev has another of the name, and the short names. */
export const Channel: CustomKind<Channel> = {
  group: channelsGroup,
  version: "v1alpha1",
  kind: "Channel",
  plural: "channels",
  singular: "channel",
  namespaced: true,
  shortNames: [],
  categories: ["all", "knative", "eventing"],
  description: "Channel takes events at a host name, and its bus delivers each to all of its Subscriptions.",
  spec: ChannelSpec,
  status: ChannelStatus,
  printerColumns: [
    { name: "Bus", type: "string", jsonPath: ".spec.bus" },
    { name: "ClusterBus", type: "string", jsonPath: ".spec.clusterBus" },
    { name: "Domain", type: "string", jsonPath: ".status.domainInternal" },
    ageColumn,
    ...readyColumns,
  ],
  labels: { ...eventingDefinitionLabels, [eventingRoleLabels.addressable]: "true" },
  conditions: conditionSet(Object.values(channelConditions)),
};
