import { Deployment, type KubeClient, NotFoundError } from "@kelvin/kube";
import type { BusChoice } from "./options.ts";

const namespace = "knative-eventing";
/** Buses that run only when they were chosen. */
const optionalBuses = ["nats"] as const satisfies readonly BusChoice[];

/** Takes away what a former start on another bus has left running: its server may be gone. The events stay where they are. */
export async function removeOtherBuses(kube: KubeClient, chosen: BusChoice, signal: AbortSignal): Promise<void> {
  for (const bus of optionalBuses.filter((name) => name !== chosen)) {
    const key = { namespace, name: `${bus}-clusterbus-dispatcher` };
    try {
      if ((await kube.find(Deployment, key, { signal })) !== undefined) await kube.delete(Deployment, key, { signal });
    } catch (error) {
      // Somebody else was faster.
      if (!(error instanceof NotFoundError)) throw error;
    }
  }
}
