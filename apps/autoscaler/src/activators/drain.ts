import type { ActivatorClient } from "./activator-client.ts";
import type { ActivatorEndpoint } from "./activator-directory.ts";

/** What is asked of all activators together. */
export interface DrainOrder {
  readonly namespace: string;
  readonly revision: string;
}

/**
 * Asks every activator to send nothing more to these pods and adds up what is still in flight there.
 * Idempotent. Rejects when one of them does not answer: then nothing may be scaled in.
 */
export async function cordonPods(
  order: DrainOrder & { pods: string[] },
  { activators, client }: { activators: readonly ActivatorEndpoint[]; client: ActivatorClient },
): Promise<number> {
  const replies = await Promise.all(activators.map((activator) => client.cordon(activator, order)));
  return replies.reduce(
    (sum, reply) => sum + order.pods.reduce((podSum, pod) => podSum + (reply.inFlight[pod] ?? 0), 0),
    0,
  );
}

/** Takes a cordon back. Failures do no harm: a cordon ends by itself when the activator's bound is over. */
export async function uncordonPods(
  order: DrainOrder & { pods: string[] },
  { activators, client }: { activators: readonly ActivatorEndpoint[]; client: ActivatorClient },
): Promise<void> {
  await Promise.allSettled(activators.map((activator) => client.uncordon(activator, order)));
}

/** True only when every activator says that the revision is idle there and that it holds what comes. */
export async function holdRevision(
  order: DrainOrder,
  { activators, client }: { activators: readonly ActivatorEndpoint[]; client: ActivatorClient },
): Promise<boolean> {
  const replies = await Promise.all(activators.map((activator) => client.hold(activator, order)));
  return replies.every((reply) => reply.holding);
}
