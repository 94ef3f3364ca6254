import { randomBytes } from "node:crypto";
import { type Clock, CoreEvent, type KubeClient, NotFoundError, type Pod } from "@kelvin/kube";
import type { ContainerEvent } from "./container-worker.ts";
import { timestampOf } from "./timestamp.ts";

/** How many different events are remembered, so that a repetition counts up instead of making a new one. */
const REMEMBERED_MAX = 1_000;
/** How many events may wait to be written; beyond it new ones are dropped, for they only tell. */
const WAITING_MAX = 1_000;

export interface PodEvents {
  readonly record: (pod: Pod, event: ContainerEvent) => void;
  close(): Promise<void>;
}

export interface PodEventsOptions {
  kube: KubeClient;
  clock: Clock;
  nodeName: string;
  reportError: (message: string, error: unknown) => void;
}

interface Remembered {
  readonly namespace: string;
  readonly name: string;
  count: number;
}

/** Writes Pods' Events as the kubelet does, one after another, never in the way of what they tell of. */
export function openPodEvents({ kube, clock, nodeName, reportError }: PodEventsOptions): PodEvents {
  const remembered = new Map<string, Remembered>();
  let waiting = 0;
  let work: Promise<void> = Promise.resolve();
  let isClosed = false;

  async function write(pod: Pod, event: ContainerEvent): Promise<void> {
    const identity = [pod.metadata.uid, event.type, event.reason, event.message, event.container].join("\n");
    const known = remembered.get(identity);
    if (known !== undefined && (await countUp(known))) return;
    const created = makeEvent(pod, event);
    await kube.create(CoreEvent, created);
    const { namespace = "", name = "" } = created.metadata;
    remembered.set(identity, { namespace, name, count: 1 });
    const [oldest] = remembered.keys();
    if (remembered.size > REMEMBERED_MAX && oldest !== undefined) remembered.delete(oldest);
  }

  async function countUp(known: Remembered): Promise<boolean> {
    known.count += 1;
    const body = { count: known.count, lastTimestamp: timestampOf(clock) };
    try {
      await kube.patch(CoreEvent, { namespace: known.namespace, name: known.name }, { type: "merge", body });
      return true;
    } catch (error) {
      // Events expire.
      if (error instanceof NotFoundError) return false;
      throw error;
    }
  }

  function makeEvent(pod: Pod, { type, reason, message, container }: ContainerEvent): CoreEvent {
    const { name = "", namespace = "" } = pod.metadata;
    const now = timestampOf(clock);
    return {
      apiVersion: "v1",
      kind: "Event",
      metadata: { namespace, name: `${name}.${randomBytes(8).toString("hex")}` },
      involvedObject: referenceTo(pod, container),
      type,
      reason,
      message,
      source: { component: "kubelet", host: nodeName },
      reportingComponent: "kubelet",
      reportingInstance: nodeName,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
    };
  }

  return {
    record(pod, event) {
      if (isClosed || waiting >= WAITING_MAX) return;
      waiting += 1;
      work = work
        .then(() => write(pod, event))
        .catch((error: unknown) => {
          // A namespace that goes away takes no more events.
          if (!(error instanceof NotFoundError)) reportError("Failed to write an Event", error);
        })
        .finally(() => {
          waiting -= 1;
        });
    },
    async close() {
      isClosed = true;
      await work;
    },
  };
}

/** What an Event is about: a Pod, or one container in it as the kubelet writes its place. */
function referenceTo({ metadata, spec }: Pod, container: string | undefined): CoreEvent["involvedObject"] {
  const { name = "", namespace = "", uid = "", resourceVersion = "" } = metadata;
  const pod = { apiVersion: "v1", kind: "Pod", namespace, name, uid, resourceVersion };
  if (container === undefined) return pod;
  const isInit = (spec?.initContainers ?? []).some((one) => one.name === container);
  return { ...pod, fieldPath: `spec.${isInit ? "initContainers" : "containers"}{${container}}` };
}
