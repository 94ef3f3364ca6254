import { CoreEvent, Deployment, type KubeClient, Pod } from "@kelvin/kube";
import { StartError } from "../usage-error.ts";
import type { BusName } from "./buses/bus.ts";
import { dispatcherName, findDispatcher } from "./buses/cluster-bus.ts";
import type { Progress } from "./progress.ts";

/** What the services of Kelvin carry, in whichever namespace they are. */
const OURS = "app.kubernetes.io/part-of=kelvin";
const POLL_MS = 40;
const PROBE_TIMEOUT_MS = 1_000;
const EVENTS_SHOWN = 6;

export interface AwaitServicesOptions {
  readonly kube: KubeClient;
  readonly gateway: string;
  /** Those that were asked for; the one in memory is waited for in any case. */
  readonly buses: readonly BusName[];
  readonly signal: AbortSignal;
  readonly progress: Progress;
}

/** Waits until every Deployment of the system and every bus is available, and the gateway answers. @throws StartError naming the cause. */
export async function awaitServices({ gateway, signal, ...options }: AwaitServicesOptions): Promise<void> {
  const told = new Set<string>();
  for (;;) {
    const waiting = await findWaiting(options, told);
    if (waiting.length === 0 && (await answers(gateway))) return;
    if (signal.aborted) throw await explain(options.kube, waiting, gateway);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

async function findWaiting(
  { kube, buses, progress }: Pick<AwaitServicesOptions, "kube" | "buses" | "progress">,
  told: Set<string>,
): Promise<string[]> {
  const names = [...new Set<BusName>(["stub", ...buses])];
  const [{ items }, pods, dispatchers] = await Promise.all([
    kube.list(Deployment, { labelSelector: OURS }),
    kube.list(Pod),
    Promise.all(names.map((bus) => findDispatcher(kube, bus))),
  ]);
  const missing = names.filter((_bus, index) => dispatchers[index] === undefined).map(dispatcherName);
  const deployments = [...items, ...dispatchers.filter((deployment) => deployment !== undefined)];
  const isUp = (deployment: Deployment): boolean => isAvailable(deployment) && hasReadyPod(deployment, pods.items);
  for (const deployment of deployments.filter(isUp)) {
    const name = deployment.metadata.name ?? "";
    if (told.has(name)) continue;
    told.add(name);
    progress.say(`${name} is available`);
  }
  const down = deployments.filter((deployment) => !isUp(deployment)).map(({ metadata }) => metadata.name ?? "");
  return [...down, ...missing];
}

function isAvailable({ metadata, status }: Deployment): boolean {
  const isObserved = status?.observedGeneration === metadata.generation;
  return (
    isObserved &&
    status?.conditions?.some(({ type, status: value }) => type === "Available" && value === "True") === true
  );
}

/** A Deployment's status may still be that of the cluster's former life; a Pod's is taken back before anybody reads it. */
function hasReadyPod({ metadata: { namespace }, spec }: Deployment, pods: readonly Pod[]): boolean {
  const wanted = Object.entries(spec?.selector.matchLabels ?? {});
  return pods.some(
    ({ metadata, status }) =>
      metadata.namespace === namespace &&
      wanted.every(([key, value]) => metadata.labels?.[key] === value) &&
      status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true,
  );
}

/** Any answer will do: there may be no route yet. */
async function answers(gateway: string): Promise<boolean> {
  try {
    const response = await fetch(gateway, {
      signal: AbortSignal.timeout(PROBE_TIMEOUT_MS),
      headers: { host: "kelvin.invalid" },
    });
    await response.arrayBuffer();
    return true;
  } catch {
    // Not yet.
    return false;
  }
}

async function explain(kube: KubeClient, waiting: readonly string[], gateway: string): Promise<StartError> {
  if (waiting.length === 0) return new StartError(`the gateway ${gateway} does not answer`);
  const [pods, events] = await Promise.all([kube.list(Pod), kube.list(CoreEvent)]);
  const isWaiting = (name: string): boolean => waiting.some((service) => name.startsWith(service));
  const states = pods.items.filter(({ metadata }) => isWaiting(metadata.name ?? "")).flatMap(describePod);
  const warnings = events.items
    .filter(({ type, involvedObject }) => type === "Warning" && isWaiting(involvedObject.name ?? ""))
    .slice(-EVENTS_SHOWN)
    .map(
      ({ involvedObject, reason, message }) =>
        `  ${involvedObject.kind ?? ""} ${involvedObject.name ?? ""}: ${reason ?? ""}: ${message ?? ""}`,
    );
  return new StartError([`${waiting.join(", ")} did not become available in time`, ...states, ...warnings].join("\n"));
}

function describePod({ metadata, status }: Pod): string[] {
  const unready = (status?.containerStatuses ?? []).filter(({ ready }) => !ready);
  return unready.map((container) => `  Pod ${metadata.name ?? ""}: ${describeContainer(container)}`);
}

type ContainerStatus = NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number];

function describeContainer({ state, lastState, restartCount }: ContainerStatus): string {
  const last = lastState?.terminated;
  const now = state?.waiting ?? state?.terminated ?? last;
  const reason = now?.reason ?? "running, not ready";
  return [`${reason}, ${restartCount} restarts`, now?.message, last?.message]
    .filter((text) => text !== undefined)
    .join("\n    ");
}
