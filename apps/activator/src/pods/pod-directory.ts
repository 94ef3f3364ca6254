import type { TaskSet } from "../task-set.ts";
import type { RevisionDirectory, RevisionPod } from "../throttler/revision-directory.ts";
import { type ProbeWorld, probeUntilPassed } from "./early-probe.ts";
import type { EarlyProbe, PodFacts, ProbeTarget } from "./pod-facts.ts";

export interface PodDirectoryDeps {
  readonly revisions: RevisionDirectory;
  readonly tasks: TaskSet;
  readonly probes: ProbeWorld;
  /** Resets every connection to an address, and so every exchange there. */
  readonly closeUpstream: (address: string) => void;
  /** The set of open pods of some revision has changed. */
  readonly onOpenPodsChanged: () => void;
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
const readmission = { initialDelayMs: 20, successesNeeded: 1, attemptMsMax: 1_000, giveUpMs: Infinity };

/** Keeps the throttlers' pods as Kubernetes and our own probes see them. An address belongs to one pod uid at a time. */
export class PodDirectory {
  ejections = 0;
  openedEarly = 0;
  readonly #deps: PodDirectoryDeps;
  readonly #records = new Map<string, PodRecord>();
  readonly #uidByAddress = new Map<string, string>();

  constructor(deps: PodDirectoryDeps) {
    this.#deps = deps;
  }

  apply(facts: PodFacts): void {
    const record = this.#records.get(facts.uid) ?? newRecord(facts);
    const before = record.facts;
    this.#records.set(facts.uid, record);
    if (before.address !== facts.address || before.revision !== facts.revision) this.#release(before);
    record.facts = facts;
    if (facts.isReady && facts.containerId !== "") record.readySeenFor = facts.containerId;
    this.#settle(record);
    this.#probe(record);
  }

  remove(uid: string): void {
    const record = this.#records.get(uid);
    if (record === undefined) return;
    this.#records.delete(uid);
    stopProbes(record);
    this.#release(record.facts);
  }

  /** A connection was refused or timed out: nothing more is sent there until one succeeds. */
  eject(pod: RevisionPod, revisionKey: string): void {
    const throttler = this.#deps.revisions.find(revisionKey)?.throttler;
    const record = this.#records.get(pod.uid);
    if (throttler === undefined || record === undefined || !throttler.setEjected(pod, true)) return;
    this.ejections++;
    record.readmitting?.abort();
    const { signal } = (record.readmitting = new AbortController());
    this.#deps.tasks.run("readmission probe", async () => {
      const target = tcpTarget(pod.upstream.address);
      if (await probeUntilPassed(target, { ...readmission, signal }, this.#deps.probes)) {
        throttler.setEjected(pod, false);
      }
    });
  }

  close(): void {
    for (const record of this.#records.values()) stopProbes(record);
  }

  /** Brings the throttler in line with what is known of the pod now. */
  #settle(record: PodRecord): void {
    const { facts } = record;
    if (facts.address === undefined) return;
    this.#claim(facts.uid, facts.address);
    const { throttler } = this.#deps.revisions.ensure(facts.namespace, facts.revision);
    const before = throttler.openPodsVersion;
    throttler.setPod({ uid: facts.uid, name: facts.name, upstream: { address: facts.address } }, isOpen(record));
    if (throttler.openPodsVersion !== before) this.#deps.onOpenPodsChanged();
  }

  #claim(uid: string, address: string): void {
    const owner = this.#uidByAddress.get(address);
    if (owner === uid) return;
    // The network has given the address to another pod: whatever still runs there is the former owner's.
    if (owner !== undefined) this.#deps.closeUpstream(address);
    this.#uidByAddress.set(address, uid);
  }

  #release(facts: PodFacts): void {
    const removed = this.#deps.revisions.find(`${facts.namespace}/${facts.revision}`)?.throttler.removePod(facts.uid);
    if (removed === undefined) return;
    const { address } = removed.upstream;
    if (this.#uidByAddress.get(address) === facts.uid) {
      this.#uidByAddress.delete(address);
      this.#deps.closeUpstream(address);
    }
    this.#deps.onOpenPodsChanged();
  }

  #probe(record: PodRecord): void {
    const wanted = wantsProbe(record) ? record.facts.earlyProbe : undefined;
    if (record.probing !== undefined && record.probing.containerId === wanted?.containerId) return;
    record.probing?.abort.abort();
    record.probing = undefined;
    if (wanted === undefined) return;
    const abort = new AbortController();
    record.probing = { containerId: wanted.containerId, abort };
    this.#deps.tasks.run("early probe", async () => {
      const options = { ...earlyOptions(wanted, this.#deps.probes), signal: abort.signal };
      if (!(await probeUntilPassed(wanted, options, this.#deps.probes))) return;
      this.openedEarly++;
      record.openedFor = wanted.containerId;
      this.#settle(record);
    });
  }
}

function newRecord(facts: PodFacts): PodRecord {
  return { facts, openedFor: "", readySeenFor: "", probing: undefined, readmitting: undefined };
}

function stopProbes(record: PodRecord): void {
  record.probing?.abort.abort();
  record.readmitting?.abort();
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

/** What is left of the delay that the user asked for, and never more than that, whatever the two clocks say. */
function earlyOptions(probe: EarlyProbe, { clock }: ProbeWorld): typeof readmission {
  const startedAtMs = Date.parse(probe.startedAt);
  const leftMs = startedAtMs + probe.initialDelayMs - clock.now().getTime();
  const initialDelayMs = Number.isNaN(leftMs)
    ? probe.initialDelayMs
    : Math.max(0, Math.min(probe.initialDelayMs, leftMs));
  const { successesNeeded, timeoutMs } = probe;
  return { initialDelayMs, successesNeeded, attemptMsMax: timeoutMs, giveUpMs: earlyProbeMsMax };
}

function tcpTarget(address: string): ProbeTarget {
  const colon = address.lastIndexOf(":");
  const host = address.slice(0, colon).replaceAll(/^\[|\]$/g, "");
  return { kind: "tcp", host, port: Number(address.slice(colon + 1)), path: "", headers: {} };
}
