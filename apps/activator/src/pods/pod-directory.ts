import type { RevisionDirectory, RevisionPod } from "../throttler/revision-directory.ts";
import type { TaskSet } from "../task-set.ts";
import { type ProbeWorld, probeUntilPassed } from "./early-probe.ts";
import type { PodFacts } from "./pod-facts.ts";

export interface PodDirectory {
  apply(facts: PodFacts): void;
  remove(uid: string): void;
  /** Nothing more is sent there until a connection succeeds again. */
  eject(pod: RevisionPod, revisionKey: string): void;
  readonly ejections: number;
  close(): void;
}

export interface PodDirectoryDeps {
  readonly revisions: RevisionDirectory;
  readonly tasks: TaskSet;
  readonly probes: ProbeWorld;
  /** Resets every connection to an address, and so every exchange there. */
  closeUpstream(address: string): void;
  /** The set of open pods of a revision has changed. */
  onOpenPodsChanged(revisionKey: string): void;
}

interface PodRecord {
  facts: PodFacts;
  /** The instance that our own probe has found serving. */
  openedFor: string;
  /** The instance that kubelet has called Ready; from then on only kubelet decides. */
  readySeenFor: string;
  probing: { readonly containerId: string; readonly abort: AbortController } | undefined;
  readmitting: AbortController | undefined;
}

const earlyProbeMsMax = 600_000;

/** Keeps the throttlers' pods as Kubernetes and our own probes see them. An address belongs to one pod uid at a time. */
export function openPodDirectory(deps: PodDirectoryDeps): PodDirectory {
  const records = new Map<string, PodRecord>();
  const uidByAddress = new Map<string, string>();
  let ejections = 0;

  function claim(facts: PodFacts, address: string): void {
    const owner = uidByAddress.get(address);
    if (owner === facts.uid) return;
    // The network has given the address to another pod: whatever still runs there is the former owner's.
    if (owner !== undefined) deps.closeUpstream(address);
    uidByAddress.set(address, facts.uid);
  }

  function release(facts: PodFacts): void {
    const removed = deps.revisions.find(keyOf(facts))?.throttler.removePod(facts.uid);
    if (removed === undefined) return;
    const { address } = removed.upstream;
    if (uidByAddress.get(address) === facts.uid) {
      uidByAddress.delete(address);
      deps.closeUpstream(address);
    }
    deps.onOpenPodsChanged(keyOf(facts));
  }

  /** Brings the throttler in line with what is known of the pod now. */
  function settle(record: PodRecord): void {
    const { facts } = record;
    if (facts.address === undefined) return;
    claim(facts, facts.address);
    const { throttler } = deps.revisions.ensure(facts.namespace, facts.revision);
    const before = throttler.openPodsVersion;
    throttler.setPod({ uid: facts.uid, name: facts.name, upstream: { address: facts.address } }, isOpen(record));
    if (throttler.openPodsVersion !== before) deps.onOpenPodsChanged(keyOf(facts));
  }

  function probe(record: PodRecord): void {
    const wanted = wantsProbe(record) ? record.facts.earlyProbe : undefined;
    if (record.probing !== undefined && record.probing.containerId === wanted?.containerId) return;
    record.probing?.abort.abort();
    record.probing = undefined;
    if (wanted === undefined) return;
    const abort = new AbortController();
    record.probing = { containerId: wanted.containerId, abort };
    deps.tasks.run("early probe", async () => {
      const options = {
        initialDelayMs: remainingDelayMs(wanted.initialDelayMs, Date.parse(wanted.startedAt), deps.probes),
        successesNeeded: wanted.successesNeeded,
        attemptMsMax: wanted.timeoutMs,
        giveUpMs: earlyProbeMsMax,
        signal: abort.signal,
      };
      if (!(await probeUntilPassed(wanted, options, deps.probes))) return;
      record.openedFor = wanted.containerId;
      settle(record);
    });
  }

  function stop(record: PodRecord): void {
    record.probing?.abort.abort();
    record.readmitting?.abort();
  }

  return {
    get ejections() {
      return ejections;
    },
    apply(facts) {
      const record = records.get(facts.uid) ?? newRecord(facts);
      const before = record.facts;
      records.set(facts.uid, record);
      if (before.address !== undefined && before.address !== facts.address) release(before);
      record.facts = facts;
      if (facts.isReady && facts.containerId !== "") record.readySeenFor = facts.containerId;
      settle(record);
      probe(record);
    },
    remove(uid) {
      const record = records.get(uid);
      if (record === undefined) return;
      records.delete(uid);
      stop(record);
      release(record.facts);
    },
    eject(pod, revisionKey) {
      const throttler = deps.revisions.find(revisionKey)?.throttler;
      const record = records.get(pod.uid);
      if (throttler === undefined || record === undefined || !throttler.setEjected(pod, true)) return;
      ejections++;
      record.readmitting?.abort();
      const abort = new AbortController();
      record.readmitting = abort;
      deps.tasks.run("readmission probe", async () => {
        const limits = { initialDelayMs: 20, successesNeeded: 1, attemptMsMax: 1_000, giveUpMs: Infinity };
        const target = tcpTarget(pod.upstream.address);
        if (await probeUntilPassed(target, { ...limits, signal: abort.signal }, deps.probes)) {
          throttler.setEjected(pod, false);
        }
      });
    },
    close() {
      for (const record of records.values()) stop(record);
    },
  };
}

function newRecord(facts: PodFacts): PodRecord {
  return { facts, openedFor: "", readySeenFor: "", probing: undefined, readmitting: undefined };
}

function isOpen({ facts, openedFor, readySeenFor }: PodRecord): boolean {
  if (facts.address === undefined || facts.isTerminating) return false;
  if (facts.isReady) return true;
  return facts.containerId !== "" && openedFor === facts.containerId && readySeenFor !== facts.containerId;
}

function wantsProbe({ facts, openedFor, readySeenFor }: PodRecord): boolean {
  if (facts.isReady || facts.isTerminating || facts.earlyProbe === undefined) return false;
  return openedFor !== facts.containerId && readySeenFor !== facts.containerId;
}

function remainingDelayMs(delayMs: number, startedAtMs: number, { clock }: ProbeWorld): number {
  if (delayMs === 0 || Number.isNaN(startedAtMs)) return delayMs;
  return Math.max(0, Math.min(delayMs, startedAtMs + delayMs - clock.now().getTime()));
}

function tcpTarget(address: string): {
  kind: "tcp";
  host: string;
  port: number;
  path: string;
  headers: Record<string, string>;
} {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replace(/^\[|\]$/g, "");
  return { kind: "tcp", host, port: Number(address.slice(colon + 1)), path: "", headers: {} };
}

function keyOf(facts: PodFacts): string {
  return `${facts.namespace}/${facts.revision}`;
}
