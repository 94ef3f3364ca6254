import { Deployment, type Kind, type KubeClient, NotFoundError } from "@kelvin/kube";
import type { BusName } from "./buses/bus.ts";

const namespace = "knative-eventing";
/** Buses that run only when they were chosen. */
const optionalBuses = ["nats", "kafka", "gcppubsub"] as const satisfies readonly BusName[];
/** What Kelvin has installed, rather than a user. */
const ourLabel = "app.kubernetes.io/part-of";

const ClusterBus: Kind = {
  group: "channels.knative.dev",
  version: "v1alpha1",
  kind: "ClusterBus",
  plural: "clusterbuses",
  namespaced: false,
};

/** Takes away what a former start on other buses has left running: their brokers may be gone. The events stay where they are. */
export async function removeOtherBuses(
  kube: KubeClient,
  chosen: readonly BusName[],
  signal: AbortSignal,
): Promise<void> {
  const others = optionalBuses.filter((bus) => !chosen.includes(bus));
  await Promise.all(
    others.map(async (bus) => {
      await removeOurs(kube, { kind: ClusterBus, key: { name: bus } }, signal);
      await removeOurs(kube, { kind: Deployment, key: { namespace, name: `${bus}-clusterbus-dispatcher` } }, signal);
    }),
  );
}

/** Leaves what others have made, and what goes with its owner. */
async function removeOurs(
  kube: KubeClient,
  { kind, key }: { kind: Kind; key: { name: string; namespace?: string } },
  signal: AbortSignal,
): Promise<void> {
  try {
    const metadata = (await kube.find(kind, key, { signal }))?.metadata;
    const isOurs = metadata?.labels?.[ourLabel] === "kelvin" && (metadata.ownerReferences ?? []).length === 0;
    if (isOurs) await kube.delete(kind, key, { signal });
  } catch (error) {
    // Somebody else was faster.
    if (!(error instanceof NotFoundError)) throw error;
  }
}
