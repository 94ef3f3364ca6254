import { CoreService, Deployment, type Kind, type KubeClient, NotFoundError } from "@kelvin/kube";
import { type BusName, busNames } from "./bus.ts";
import { ClusterBus, dispatcherName, eventingNamespace as namespace } from "./cluster-bus.ts";

/** Buses that run only when they were chosen. */
const optionalBuses = busNames.filter((bus) => bus !== "stub");
/** What Kelvin has installed, rather than a user. */
const ourLabel = "app.kubernetes.io/part-of";

/** Takes away what a former start on other buses has left running: their brokers may be gone. The events stay where they are. */
export async function removeOtherBuses(
  kube: KubeClient,
  chosen: readonly BusName[],
  signal: AbortSignal,
): Promise<void> {
  const others = optionalBuses.filter((bus) => !chosen.includes(bus));
  await Promise.all(others.map((bus) => removeOurs(kube, { kind: ClusterBus, key: { name: bus } }, signal)));
}

/**
 * Takes away the Deployments and Services that buses were before they were ClusterBuses: the eventing-controller makes others of
 * these names, and adopts none.
 */
export async function removeBusesOfFormerVersion(kube: KubeClient, signal: AbortSignal): Promise<void> {
  const parts = busNames.flatMap((bus) => [
    { kind: Deployment, key: { namespace, name: dispatcherName(bus) } },
    { kind: CoreService, key: { namespace, name: `${bus}-clusterbus` } },
  ]);
  await Promise.all(parts.map((part) => removeOurs(kube, part, signal)));
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
