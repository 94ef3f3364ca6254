import { isReady, keyOf } from "@kelvin/api";
import {
  Ingress,
  initializeIngress,
  markLoadBalancerNotReady,
  markLoadBalancerReady,
  markNetworkConfigured,
} from "@kelvin/api/networking/v1alpha1";
import { requeueAfter, waitForEvent, type EventRecorder, type Outcome } from "@kelvin/controller";
import { keyText, type Clock, type KubeClient } from "@kelvin/kube";
import type { ActivatorTables, AppliedView } from "./activator-tables.ts";

export interface IngressDeps {
  readonly kube: KubeClient;
  readonly recorder: EventRecorder;
  readonly clock: Pick<Clock, "now" | "monotonicMs">;
  readonly tables: Pick<ActivatorTables, "appliedBy">;
  /** Since when each Ingress has been waiting, kept between reconciles. */
  readonly waits: Map<string, Wait>;
  /** The activators' name inside the cluster. */
  readonly gatewayHost: string;
}

/** How long one Ingress's current generation has been waiting, on the monotonic clock. */
export interface Wait {
  readonly uid: string;
  readonly generation: number;
  readonly sinceMs: number;
}

/** How long one activator may hold up an Ingress that others serve already. */
const acknowledgeMsMax = 10_000;

/**
 * Says that an Ingress is Ready once every ready activator serves its current generation. One that has not said so in
 * ten seconds, though the API server it follows answers, is left behind; but never the last one.
 */
export async function reconcileIngress(ingress: Ingress, deps: IngressDeps): Promise<Outcome> {
  const key = keyText(keyOf(ingress));
  // Ready is said of a generation once: activators that come later serve nothing before they have the whole table.
  if (isReady(ingress)) {
    deps.waits.delete(key);
    return waitForEvent;
  }
  const status = initializeIngress(ingress, deps.clock.now());
  const wait = waitOf(ingress, key, deps);
  const views = deps.tables.appliedBy(key);
  const missing = views.filter(({ generation }) => generation !== ingress.metadata.generation);
  if (missing.length === views.length) {
    markLoadBalancerNotReady(status, deps.clock.now());
    return waitForEvent;
  }
  const remainingMs = wait.sinceMs + acknowledgeMsMax - deps.clock.monotonicMs();
  if (missing.length > 0 && remainingMs > 0) {
    markLoadBalancerNotReady(status, deps.clock.now());
    return requeueAfter(remainingMs);
  }
  if (missing.length > 0) await goWithout(missing, { ingress, deps });

  deps.waits.delete(key);
  const gateway = [{ domainInternal: deps.gatewayHost }];
  markNetworkConfigured(status, deps.clock.now());
  markLoadBalancerReady(status, { publicIngress: gateway, privateIngress: gateway }, deps.clock.now());
  return waitForEvent;
}

function waitOf({ metadata }: Ingress, key: string, { waits, clock }: IngressDeps): Wait {
  const { uid = "", generation = 0 } = metadata;
  const known = waits.get(key);
  if (known?.uid === uid && known.generation === generation) return known;
  const wait = { uid, generation, sinceMs: clock.monotonicMs() };
  waits.set(key, wait);
  return wait;
}

/** @throws KubeError when the API server does not answer: then the silence proves nothing about the activators. */
async function goWithout(
  missing: readonly AppliedView[],
  { ingress, deps }: { ingress: Ingress; deps: IngressDeps },
): Promise<void> {
  await deps.kube.get(Ingress, keyOf(ingress));
  const names = missing.map(({ activator }) => `"${activator}"`).join(", ");
  const message = `Activators ${names} have not applied generation ${ingress.metadata.generation ?? 0}; going on without them`;
  deps.recorder.warning(ingress, "ActivatorLeftBehind", message);
}
