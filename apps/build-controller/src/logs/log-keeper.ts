import type { Log } from "@kelvin/controller";
import {
  makeCallPlaces,
  type CallPlaces,
  type Clock,
  type Informer,
  type Pod,
  type PodLogs,
  type Secret,
} from "@kelvin/kube";
import { ownerKeyOf } from "../build/informer-indexes.ts";
import type { LogDrain } from "../build/deps.ts";
import { containerStatuses } from "../build/status/container-statuses.ts";
import { controllerOf } from "@kelvin/api";
import { collectLog, type Collector, type OutputState } from "./collect-log.ts";
import type { LogStore } from "./log-store.ts";
import { makeMask, type Mask } from "./mask.ts";

export interface LogKeeperDeps {
  readonly pods: Pick<Informer<Pod>, "get" | "list" | "onChange">;
  readonly podLogs: PodLogs;
  readonly store: LogStore;
  readonly clock: Clock;
  readonly log: Log;
  /** The Secrets of the Pod's ServiceAccount. */
  readonly secretsOf: (pod: Pod) => Promise<readonly Secret[]>;
  readonly bytesPerStepMax: () => number;
}

/** Keeps the output of all build Pods. */
export interface LogKeeper extends LogDrain {
  close(): Promise<void>;
}

/** A Pod must not live on because its log cannot be had. */
const drainMsMax = 5000;

/** Logs of containers that have ended, read at the same time. */
const readsAtOnce = 16;

/** Starts to keep the output of every container that has started, and of each that starts. */
export function openLogKeeper(deps: LogKeeperDeps): LogKeeper {
  const { pods, clock } = deps;
  const ending = new AbortController();
  const collectors = new Map<string, Collector>();
  const masks = new Map<string, Promise<Mask>>();
  const places = makeCallPlaces(readsAtOnce);
  const look = (pod: Pod): void => {
    for (const container of startedContainers(pod)) {
      const key = collectorKey(pod, container);
      if (!collectors.has(key))
        collectors.set(key, collect(pod, container, { deps, masks, places, signal: ending.signal }));
    }
  };
  const forget = (pod: Pod): void => {
    masks.delete(uidOf(pod));
    for (const key of collectors.keys()) if (key.startsWith(`${uidOf(pod)}/`)) collectors.delete(key);
  };
  const unsubscribe = pods.onChange(({ before, after }) => {
    if (after !== undefined) look(after);
    // What it had written is read to its end by the collector, which lives on by itself.
    else if (before !== undefined) forget(before);
  });
  pods.list().forEach(look);

  return {
    async drain(pod) {
      look(pod);
      const states = startedContainers(pod).map((container): Promise<void> => {
        const collector = collectors.get(collectorKey(pod, container));
        if (collector === undefined) return Promise.resolve();
        return stateIn(pod, container) === "ended" ? collector.done : collector.catchUp();
      });
      await Promise.race([Promise.all(states), clock.sleep(drainMsMax, ending.signal)]);
    },
    async close() {
      unsubscribe();
      ending.abort();
      await Promise.all([...collectors.values()].map(({ done }) => done));
    },
  };
}

interface Collecting {
  readonly deps: LogKeeperDeps;
  readonly masks: Map<string, Promise<Mask>>;
  readonly places: CallPlaces;
  readonly signal: AbortSignal;
}

function collect(pod: Pod, container: string, { deps, masks, places, signal }: Collecting): Collector {
  const { namespace = "", name = "" } = pod.metadata;
  const key = { namespace, name };
  const stateOf = (): OutputState => {
    const live = deps.pods.get(key);
    return live === undefined || uidOf(live) !== uidOf(pod) ? "gone" : stateIn(live, container);
  };
  const logName = {
    namespace,
    build: ownerKeyOf(pod)?.name ?? name,
    buildUid: controllerOf(pod)?.uid ?? uidOf(pod),
    pod: name,
    container,
  };
  const mask = (): Promise<Mask> => maskOf(pod, deps, masks);
  return collectLog(logName, { ...deps, stateOf, mask, places, bytesMax: deps.bytesPerStepMax }, signal);
}

/** Read once for each Pod; a failure is not remembered, for nothing may be kept unmasked. */
function maskOf(pod: Pod, { secretsOf }: LogKeeperDeps, masks: Map<string, Promise<Mask>>): Promise<Mask> {
  const known = masks.get(uidOf(pod));
  if (known !== undefined) return known;
  const mask = secretsOf(pod).then(makeMask);
  masks.set(uidOf(pod), mask);
  // Whoever asked is told of the failure; here it is only forgotten.
  mask.catch(() => masks.delete(uidOf(pod)));
  return mask;
}

function startedContainers(pod: Pod): string[] {
  return containerStatuses(pod)
    .filter(({ state }) => state?.running !== undefined || state?.terminated !== undefined)
    .map(({ name }) => name);
}

function stateIn(pod: Pod, container: string): OutputState {
  const state = containerStatuses(pod).find(({ name }) => name === container)?.state;
  return state?.running === undefined ? "ended" : "running";
}

function uidOf(pod: Pod): string {
  return pod.metadata.uid ?? "";
}

function collectorKey(pod: Pod, container: string): string {
  return `${uidOf(pod)}/${container}`;
}
