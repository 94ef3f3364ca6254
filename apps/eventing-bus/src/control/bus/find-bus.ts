import { getCondition, readyCondition } from "@kelvin/api";
import type { Bus, Channel, ClusterBus } from "@kelvin/api/channels/v1alpha1/kinds";
import type { Reader } from "../informers.ts";
import { placeOf, type AnyBus, type BusPlace } from "./bus-place.ts";
import { ownKindOf } from "./own-kind.ts";
import type { OwnImage } from "./own-image.ts";

/** What buses are found with. */
export interface BusLookup {
  readonly busObjects: Reader<Bus>;
  readonly clusterBusObjects: Reader<ClusterBus>;
  readonly ownImage: OwnImage;
  readonly systemNamespace: string;
}

/** The bus that a Channel names. */
export type FoundBus =
  | { readonly kind: "own" | "third-party"; readonly bus: AnyBus; readonly place: BusPlace; readonly ownKind: string }
  /** `message` names those that are there. */
  | { readonly kind: "missing"; readonly message: string };

/** One that is there. */
export type PresentBus = Exclude<FoundBus, { kind: "missing" }>;

/** Finds it among what is stored. Look again when a bus of that name changes. */
export async function findBus({ metadata, spec }: Channel, lookup: BusLookup): Promise<FoundBus> {
  const { namespace = "" } = metadata;
  const { bus: name = "", clusterBus = "" } = spec ?? {};
  const { busObjects, clusterBusObjects, systemNamespace } = lookup;
  const bus = name === "" ? clusterBusObjects.get({ name: clusterBus }) : busObjects.get({ namespace, name });
  if (bus === undefined) return { kind: "missing", message: missingMessage({ namespace, name, clusterBus }, lookup) };
  const ownKind = ownKindOf(bus, await lookup.ownImage());
  const place = placeOf(bus, systemNamespace);
  return { kind: ownKind === undefined ? "third-party" : "own", bus, place, ownKind: ownKind ?? "" };
}

interface NamedBus {
  readonly namespace: string;
  readonly name: string;
  readonly clusterBus: string;
}

function missingMessage({ namespace, name, clusterBus }: NamedBus, lookup: BusLookup): string {
  const clusterBuses = `ClusterBuses that are there: ${namesOf(lookup.clusterBusObjects.list())}`;
  if (name === "" && clusterBus === "") return `The Channel names no bus; ${clusterBuses}`;
  if (name === "") return `There is no ClusterBus "${clusterBus}"; ${clusterBuses}`;
  const buses = `Buses that are there: ${namesOf(lookup.busObjects.list(namespace))}`;
  return `There is no Bus "${name}" in namespace "${namespace}"; ${buses}; ${clusterBuses}`;
}

const NAMES_MAX = 20;

function namesOf(buses: readonly AnyBus[]): string {
  const names = buses.map(({ metadata }) => metadata.name ?? "").toSorted();
  const more = names.length > NAMES_MAX ? ` and ${names.length - NAMES_MAX} more` : "";
  return names.length === 0 ? "none" : `${names.slice(0, NAMES_MAX).join(", ")}${more}`;
}

/** Why no replica of a bus runs, as its own status tells. */
export function notRunningMessage({ bus, place }: PresentBus): string {
  const ready = getCondition(bus.status, readyCondition);
  const why = ready?.status === "False" && ready.message !== undefined ? `: ${ready.message}` : "";
  return `No replica of bus "${place.id}" runs${why}`;
}
