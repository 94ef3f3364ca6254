import { type Clock, ConflictError, type KubeClient, toError } from "@kelvin/kube";
import { type EventRecorder, type Log, openWorkQueue, type WorkQueue } from "@kelvin/controller";
import type { KindDirectory } from "../kind-directory.ts";
import { isBeingDeleted } from "../ownership.ts";
import { collect, type CollectDeps } from "./collect.ts";
import { describeNode, type GraphNode, type ObjectGraph } from "./object-graph.ts";

const workerCount = 8;
const retryMsMax = 10_000;

export interface GarbageCollectorOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly recorder: EventRecorder;
  readonly directory: KindDirectory;
  readonly graph: ObjectGraph;
}

/** Deletes what lost all its owners, over all kinds, as objects come, change and go. */
export function openGarbageCollector(options: GarbageCollectorOptions): { close(): Promise<void> } {
  const { kube, clock, directory, graph } = options;
  const enqueueAll = (): void => {
    for (const { object } of graph.all()) if (concernsUs(object)) queue.add(object.metadata.uid ?? "");
  };
  const queue = openWorkQueue({ clock, retryMsMax, onOverflow: enqueueAll });
  const deps: CollectDeps = {
    kube,
    graph,
    recorder: options.recorder,
    findKind: (apiVersion, kindName) => directory.find(apiVersion, kindName),
    enqueue: (uid) => queue.add(uid),
  };
  const unsubscribers = [
    graph.onChange(({ before, after }) => {
      const node = after ?? before;
      if (node === undefined) return;
      const uid = node.object.metadata.uid ?? "";
      if (after === undefined) for (const { object } of graph.dependentsOf(uid)) queue.add(object.metadata.uid ?? "");
      else if (concernsUs(after.object)) queue.add(uid);
      for (const ownerUid of ownersBeingDeleted(graph, [before, after])) queue.add(ownerUid);
    }),
    // References to a kind that was not served could not be judged until now.
    directory.onChange(enqueueAll),
  ];
  const workers = Promise.all(Array.from({ length: workerCount }, () => work(queue, deps, options)));
  return {
    async close() {
      for (const unsubscribe of unsubscribers) unsubscribe();
      queue.close();
      await workers;
    },
  };
}

function concernsUs(object: GraphNode["object"]): boolean {
  return object.metadata.ownerReferences !== undefined || isBeingDeleted(object);
}

/** An owner that waits for this object to go, or to stop blocking it, has to look again. */
function ownersBeingDeleted(graph: ObjectGraph, nodes: readonly (GraphNode | undefined)[]): string[] {
  const uids = nodes.flatMap((node) => node?.object.metadata.ownerReferences ?? []).map(({ uid }) => uid);
  return uids.filter((uid) => {
    const owner = graph.find(uid);
    return owner !== undefined && isBeingDeleted(owner.object);
  });
}

async function work(queue: WorkQueue, deps: CollectDeps, { log, graph }: GarbageCollectorOptions): Promise<void> {
  for (;;) {
    const queued = await queue.next();
    if (queued === undefined) return;
    const uid = queued.key;
    try {
      const { requeueAfterMs } = await collect(uid, deps);
      queue.forget(uid);
      if (requeueAfterMs !== undefined) queue.addAfter(uid, requeueAfterMs);
    } catch (error) {
      if (!(error instanceof ConflictError)) {
        const node = graph.find(uid);
        log.warn({ object: node && describeNode(node), err: toError(error) }, "Garbage collection of an object failed");
      }
      queue.addAfterFailure(uid);
    }
    queue.done(uid);
  }
}
