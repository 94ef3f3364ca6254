import { Deployment, type Kind, type KubeClient, type KubeObject } from "@kelvin/kube";
import type { BusName } from "./bus.ts";

/** Where buses of the whole cluster run. */
export const eventingNamespace = "knative-eventing";
/** On a ClusterBus, and by the eventing-controller on its Pods. Changes with the settings: Pods with former ones are replaced. */
export const settingsAnnotation = "kelvin.dev/bus-settings";

/** The kind that a bus of the whole cluster is. */
export const ClusterBus: Kind = {
  group: "channels.knative.dev",
  version: "v1alpha1",
  kind: "ClusterBus",
  plural: "clusterbuses",
  namespaced: false,
};

/** The Deployment that the eventing-controller makes of a ClusterBus. */
export function dispatcherName(bus: BusName): string {
  return `${bus}-clusterbus-dispatcher`;
}

/** The Deployment of a bus; undefined while it is not there, or is not yet what its ClusterBus asks for. */
export async function findDispatcher(kube: KubeClient, bus: BusName): Promise<Deployment | undefined> {
  const [wanted, deployment] = await Promise.all([
    kube.find(ClusterBus, { name: bus }),
    kube.find(Deployment, { namespace: eventingNamespace, name: dispatcherName(bus) }),
  ]);
  return wanted !== undefined && deployment !== undefined && isMadeOf(deployment, wanted) ? deployment : undefined;
}

function isMadeOf({ metadata, spec }: Deployment, bus: KubeObject): boolean {
  const settings = spec?.template.metadata?.annotations?.[settingsAnnotation];
  const isCurrent = settings === bus.metadata.annotations?.[settingsAnnotation];
  return isCurrent && metadata.ownerReferences?.some(({ uid }) => uid === bus.metadata.uid) === true;
}
