import { eventingDefinitionLabels } from "../../eventing/v1/labels.ts";
import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { ageColumn, readyColumns, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { described, optionalText, Preserved, Type, type Static } from "../../meta/schema.ts";
import { channelsGroup } from "./labels.ts";

/** Something that a Channel or a Subscription may say to its bus. */
export const BusParameter = Type.Object({
  name: Type.String({ description: "Its name: letters, digits, '-', '_' and '.'." }),
  description: optionalText("What it is for."),
  default: optionalText("Its value when no argument is given. Absent: an argument must be; empty: the value is empty."),
});
export type BusParameter = Static<typeof BusParameter>;

/** What a bus lets others say. */
export const BusParameters = Type.Object({
  channel: Type.Optional(Type.Array(BusParameter, { description: "What its Channels may say." })),
  subscription: Type.Optional(Type.Array(BusParameter, { description: "What Subscriptions to them may say." })),
});
export type BusParameters = Static<typeof BusParameters>;

/** A container of a bus: any of Kubernetes'. The named fields are those that are looked into. */
export const BusContainer = Preserved<Record<string, unknown> & { name?: string; image?: string }>(
  { description: "A container, as in a Pod." },
  {
    name: Type.String({ description: "Name of the container. Default: dispatcher or provisioner." }),
    image: Type.String({
      description: "The image to run. May be absent where the annotation kelvin.dev/bus names a bus of Kelvin's own.",
    }),
  },
);
export type BusContainer = Static<typeof BusContainer>;

/** What is wanted of a bus. */
export const BusSpec = Type.Object({
  generation: Type.Optional(Type.Integer({ format: "int64", description: "Ignored: metadata.generation counts." })),
  parameters: Type.Optional(described(BusParameters, "What its Channels and Subscriptions may say to it.")),
  provisioner: Type.Optional(
    described(
      BusContainer,
      "Makes and removes what a Channel needs at the broker. Absent: the dispatcher does. Kelvin's own buses have none.",
    ),
  ),
  dispatcher: Type.Optional(described(BusContainer, "Takes events on port 8080 and delivers them. Has to be there.")),
  volumes: Type.Optional(
    Type.Array(Preserved({ description: "A volume, as in a Pod." }), {
      description: "Volumes that both containers may mount.",
    }),
  ),
});
export type BusSpec = Static<typeof BusSpec>;

/** The name of an object beside this one. */
export const LocalReference = Type.Object({ name: optionalText("Name of the object.") });
export type LocalReference = Static<typeof LocalReference>;

/** What is observed of a bus. */
export const BusStatus = Type.Object({
  ...statusProperties,
  service: Type.Optional(described(LocalReference, "The Service by which its dispatcher is reached.")),
});
export type BusStatus = Static<typeof BusStatus>;

/** Moves the events of the Channels of its namespace. */
export interface Bus extends KubeObject {
  spec: BusSpec;
  status?: BusStatus;
}

/** Moves the events of Channels of every namespace. */
export interface ClusterBus extends KubeObject {
  spec: BusSpec;
  status?: BusStatus;
}

/** Names of a bus's conditions. */
export const busConditions = {
  dispatching: "Dispatching",
  provisioning: "Provisioning",
  serviceable: "Serviceable",
} as const;

const busKind = {
  group: channelsGroup,
  version: "v1alpha1",
  categories: ["all", "knative", "eventing", "kbus"],
  spec: BusSpec,
  status: BusStatus,
  printerColumns: [ageColumn, ...readyColumns],
  labels: eventingDefinitionLabels,
  conditions: conditionSet(Object.values(busConditions)),
} as const;

/** The Bus kind. */
export const Bus: CustomKind<Bus> = {
  ...busKind,
  kind: "Bus",
  plural: "buses",
  singular: "bus",
  namespaced: true,
  shortNames: [],
  description: "Bus moves the events of the Channels of its namespace from their senders to their subscribers.",
};

/** The ClusterBus kind. */
export const ClusterBus: CustomKind<ClusterBus> = {
  ...busKind,
  kind: "ClusterBus",
  plural: "clusterbuses",
  singular: "clusterbus",
  namespaced: false,
  shortNames: ["cbus"],
  description: "ClusterBus moves the events of Channels of every namespace from their senders to their subscribers.",
};
