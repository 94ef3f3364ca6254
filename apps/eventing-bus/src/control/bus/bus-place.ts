import { childName, type KubeObject } from "@kelvin/api";
import { ClusterBus, type Bus } from "@kelvin/api/channels/v1alpha1/kinds";
import { busId, busLabels } from "../../model/names.ts";

/** A bus of either kind: they differ in where they run and whom they serve. */
export type AnyBus = Bus | ClusterBus;

/** Where a bus runs, and what its parts are called. */
export interface BusPlace {
  readonly id: string;
  readonly name: string;
  /** Of the Channels that it serves; empty: of all. */
  readonly busNamespace: string;
  /** Where its parts are: a Bus's beside it, for its container is whatever a user names, a ClusterBus's in the system namespace. */
  readonly namespace: string;
  readonly service: string;
  readonly dispatcher: string;
  readonly provisioner: string;
  /** The ServiceAccount and the RoleBinding that are made for a Bus. */
  readonly identity: string;
}

/** Whether it serves every namespace. */
export function isClusterBus({ kind }: KubeObject): boolean {
  return kind === ClusterBus.kind;
}

/** What a bus is known by. */
export function idOfBus(bus: AnyBus): string {
  const { name = "", namespace } = bus.metadata;
  return isClusterBus(bus) ? busId(name) : busId(name, namespace);
}

/** Where a bus is found. Pure. */
export function placeOf(bus: AnyBus, systemNamespace: string): BusPlace {
  const { name = "", namespace = "" } = bus.metadata;
  return isClusterBus(bus)
    ? placeNamed(name, { suffix: "-clusterbus", busNamespace: "", namespace: systemNamespace })
    : placeNamed(name, { suffix: "-bus", busNamespace: namespace, namespace });
}

interface Whereabouts {
  readonly suffix: string;
  readonly busNamespace: string;
  readonly namespace: string;
}

function placeNamed(name: string, { suffix, busNamespace, namespace }: Whereabouts): BusPlace {
  return {
    id: busId(name, busNamespace),
    name,
    busNamespace,
    namespace,
    service: childName(name, suffix),
    dispatcher: childName(name, `${suffix}-dispatcher`),
    provisioner: childName(name, `${suffix}-provisioner`),
    identity: childName(name, suffix),
  };
}

/** What everything that is made for a bus is labelled with. */
export function labelsOf({ name, busNamespace }: BusPlace): Record<string, string> {
  return { [busLabels.bus]: name, ...(busNamespace === "" ? {} : { [busLabels.busNamespace]: busNamespace }) };
}
