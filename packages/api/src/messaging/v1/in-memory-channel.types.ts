import { channelableSpecProperties, channelableStatusProperties } from "../../duck/destination.types.ts";
import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { ageColumn, readyColumns, urlColumn, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { Type, type Static } from "../../meta/schema.ts";
import { channelDefinitionLabels, messagingGroup } from "./labels.ts";

/** What is wanted of an InMemoryChannel. */
export const InMemoryChannelSpec = Type.Object({ ...channelableSpecProperties });
export type InMemoryChannelSpec = Static<typeof InMemoryChannelSpec>;

/** What is observed of an InMemoryChannel. */
export const InMemoryChannelStatus = Type.Object({ ...statusProperties, ...channelableStatusProperties });
export type InMemoryChannelStatus = Static<typeof InMemoryChannelStatus>;

/** A channel whose events are kept in memory until they are delivered. */
export interface InMemoryChannel extends KubeObject {
  spec: InMemoryChannelSpec;
  status?: InMemoryChannelStatus;
}

/** Names of an InMemoryChannel's conditions. */
export const inMemoryChannelConditions = {
  dispatcherReady: "DispatcherReady",
  serviceReady: "ServiceReady",
  endpointsReady: "EndpointsReady",
  addressable: "Addressable",
  channelServiceReady: "ChannelServiceReady",
  deadLetterSinkResolved: "DeadLetterSinkResolved",
  eventPoliciesReady: "EventPoliciesReady",
} as const;

/** The InMemoryChannel kind. */
export const InMemoryChannel: CustomKind<InMemoryChannel> = {
  group: messagingGroup,
  version: "v1",
  kind: "InMemoryChannel",
  plural: "inmemorychannels",
  singular: "inmemorychannel",
  namespaced: true,
  shortNames: ["imc"],
  categories: ["all", "knative", "messaging", "channel"],
  description:
    "InMemoryChannel is a channel whose events are kept in memory only, and are lost with the process that has them.",
  spec: InMemoryChannelSpec,
  status: InMemoryChannelStatus,
  printerColumns: [urlColumn, ageColumn, ...readyColumns],
  labels: channelDefinitionLabels,
  conditions: conditionSet(Object.values(inMemoryChannelConditions)),
};
