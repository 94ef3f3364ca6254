import type { Change, Pod } from "@kelvin/kube";

/** How long a write may stay unseen before we stop believing in it. A watch that is so far behind has been lost. */
const believedMsMax = 60_000;

/**
 * The pods of one ReplicaSet that we created or deleted but whose event has not come back yet. The informer's copy
 * plus these is what really exists, so a reconcile on a stale copy neither creates nor deletes twice.
 *
 * Names are chosen before the call, so an event that arrives before the answer is recognised too. After a restart
 * nothing is unseen: the informer starts from a fresh list.
 */
export interface UnseenWrites {
  created(owner: string, podName: string): void;
  deleted(owner: string, podUid: string): void;
  /** Takes back what failed. */
  forget(owner: string, podNameOrUid: string): void;
  /** Every change of a pod goes through here. */
  observe(change: Change<Pod>): void;
  countCreated(owner: string): number;
  isDeleted(owner: string, podUid: string): boolean;
  /** When the oldest unseen write of this owner stops being believed; undefined when all were seen. */
  expiresInMs(owner: string): number | undefined;
}

interface Ledger {
  /** Pod name to the time of the call. */
  readonly created: Map<string, number>;
  /** Pod uid to the time of the call. */
  readonly deleted: Map<string, number>;
}

/** `nowMs` is a monotonic clock. Owners are uids, pods are told apart by name within their owner. */
export function openUnseenWrites(nowMs: () => number): UnseenWrites {
  const ledgers = new Map<string, Ledger>();

  function ledgerOf(owner: string): Ledger {
    const found = ledgers.get(owner);
    if (found !== undefined) return found;
    const made = { created: new Map<string, number>(), deleted: new Map<string, number>() };
    ledgers.set(owner, made);
    return made;
  }

  function strike(owner: string, podNameOrUid: string): void {
    const ledger = ledgers.get(owner);
    if (ledger === undefined) return;
    ledger.created.delete(podNameOrUid);
    ledger.deleted.delete(podNameOrUid);
    if (ledger.created.size + ledger.deleted.size === 0) ledgers.delete(owner);
  }

  function expire(owner: string): Ledger | undefined {
    const ledger = ledgers.get(owner);
    if (ledger === undefined) return undefined;
    const oldestMs = nowMs() - believedMsMax;
    for (const [name, atMs] of [...ledger.created, ...ledger.deleted]) if (atMs <= oldestMs) strike(owner, name);
    return ledgers.get(owner);
  }

  return {
    created: (owner, podName) => ledgerOf(owner).created.set(podName, nowMs()),
    deleted: (owner, podUid) => ledgerOf(owner).deleted.set(podUid, nowMs()),
    forget: strike,
    observe({ before, after }) {
      const pod = after ?? before;
      if (pod === undefined) return;
      for (const { uid } of pod.metadata.ownerReferences ?? []) {
        strike(uid, pod.metadata.name ?? "");
        const isGone = after === undefined || after.metadata.deletionTimestamp !== undefined;
        if (isGone) strike(uid, pod.metadata.uid ?? "");
      }
    },
    countCreated: (owner) => expire(owner)?.created.size ?? 0,
    isDeleted: (owner, podUid) => expire(owner)?.deleted.has(podUid) ?? false,
    expiresInMs(owner) {
      const ledger = expire(owner);
      if (ledger === undefined) return undefined;
      const oldestMs = Math.min(...ledger.created.values(), ...ledger.deleted.values());
      return Math.max(1, oldestMs + believedMsMax - nowMs());
    },
  };
}
