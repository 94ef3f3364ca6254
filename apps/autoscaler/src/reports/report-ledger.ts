import type { ActivatorReport, RevisionReport } from "@kelvin/api/scaling";
import { openRevisionHistories, type RevisionHistory } from "./revision-history.ts";

/** A revision's key in every map of the autoscaler: `namespace/name`. */
export type RevisionKey = string;

/** What all activators together last said of one revision. */
export interface RevisionLoad {
  readonly inFlight: number;
  readonly queued: number;
  /** In flight per pod name. */
  readonly pods: ReadonlyMap<string, number>;
  /** Pods that every activator which reports this revision sends requests to. */
  readonly openPods: ReadonlySet<string>;
  /** When anything was last in flight, queued or ended; undefined if never since this process started. */
  readonly lastTrafficMs: number | undefined;
  /** Average requests at a time over the last `windowMs`; undefined when nothing was ever reported. */
  averageConcurrency(windowMs: number): number | undefined;
  /** Average requests ended per second over the last `windowMs`. */
  averageRps(windowMs: number): number | undefined;
}

interface ActivatorShare {
  bootId: string;
  monotonicMs: number;
  /** When its last line came, on our clock. */
  receivedMs: number;
  isStreaming: boolean;
  revisions: Map<RevisionKey, RevisionReport>;
}

/**
 * Adds up what the activators report. Counters are monotonic per boot, so a lost, late or doubled line does no harm; a
 * silent activator's last values stay until `forget` says that its Pod is gone.
 */
export interface ReportLedger {
  /** Takes one line. Returns the keys of revisions that now have something queued. */
  record(report: ActivatorReport): RevisionKey[];
  /** Marks the activator's stream as open or broken. */
  markStreaming(activator: string, isStreaming: boolean): void;
  isStreaming(activator: string): boolean;
  /** Drops the share of an activator whose Pod is gone. */
  forget(activator: string): void;
  activators(): string[];
  load(key: RevisionKey): RevisionLoad;
  /** Makes room for a window of this length; what was recorded before a growth is lost only beyond the old length. */
  ensureWindow(key: RevisionKey, windowMs: number): void;
}

/** Opens an empty ledger; `nowMs` is its clock. */
export function openReportLedger(nowMs: () => number): ReportLedger {
  const shares = new Map<string, ActivatorShare>();
  const histories = openRevisionHistories(nowMs);

  return {
    record(report) {
      const share = shares.get(report.activator);
      const isSameBoot = share?.bootId === report.bootId;
      // A line that was overtaken by a newer one of the same boot says nothing new.
      if (isSameBoot && report.monotonicMs < share.monotonicMs) return [];
      const spanMs = isSameBoot ? report.monotonicMs - share.monotonicMs : 1000;
      const known = isSameBoot ? share.revisions : new Map<RevisionKey, RevisionReport>();
      const woken: RevisionKey[] = [];
      const named = new Set<RevisionKey>();
      for (const revision of report.revisions) {
        const key = keyOf(revision);
        named.add(key);
        histories.record(key, { report: revision, before: known.get(key), spanMs });
        known.set(key, revision);
        if (revision.queued > 0) woken.push(key);
      }
      silenceUnnamed(known, named);
      shares.set(report.activator, {
        bootId: report.bootId,
        monotonicMs: report.monotonicMs,
        receivedMs: nowMs(),
        isStreaming: true,
        revisions: known,
      });
      return woken;
    },
    markStreaming(activator, isStreaming) {
      const share = shares.get(activator);
      if (share !== undefined) share.isStreaming = isStreaming;
    },
    isStreaming(activator) {
      const share = shares.get(activator);
      return share?.isStreaming === true && nowMs() - share.receivedMs < silentAfterMs;
    },
    forget: (activator) => void shares.delete(activator),
    activators: () => [...shares.keys()],
    ensureWindow: (key, windowMs) => histories.ensureWindow(key, windowMs),
    load: (key) => sumShares(key, { shares, history: histories.find(key), nowMs }),
  };
}

/** Lines come every second; three missed ones mean silence, whatever TCP still believes. */
const silentAfterMs = 3500;

/** A line names all that is not idle: whatever it leaves out has nothing in flight any more. Counters are kept. */
function silenceUnnamed(known: Map<RevisionKey, RevisionReport>, named: Set<RevisionKey>): void {
  for (const [key, before] of known) {
    if (named.has(key) || before.inFlight + before.queued === 0) continue;
    known.set(key, { ...before, inFlight: 0, queued: 0, pods: {} });
  }
}

function sumShares(
  key: RevisionKey,
  {
    shares,
    history,
    nowMs,
  }: { shares: Map<string, ActivatorShare>; history: RevisionHistory | undefined; nowMs: () => number },
): RevisionLoad {
  const reports = [...shares.values()].flatMap((share) => share.revisions.get(key) ?? []);
  const pods = new Map<string, number>();
  for (const report of reports) {
    for (const [pod, inFlight] of Object.entries(report.pods)) pods.set(pod, (pods.get(pod) ?? 0) + inFlight);
  }
  return {
    inFlight: reports.reduce((sum, report) => sum + report.inFlight, 0),
    queued: reports.reduce((sum, report) => sum + report.queued, 0),
    pods,
    openPods: intersection(reports.map((report) => new Set(report.openPods))),
    lastTrafficMs: history?.lastTrafficMs,
    averageConcurrency: (windowMs) => history?.concurrencyMs.averagePerMs(windowMs, nowMs()),
    averageRps(windowMs) {
      const perMs = history?.requestsEnded.averagePerMs(windowMs, nowMs());
      return perMs === undefined ? undefined : perMs * 1000;
    },
  };
}

function intersection(sets: ReadonlySet<string>[]): ReadonlySet<string> {
  const [first, ...others] = sets;
  if (first === undefined) return new Set();
  return new Set([...first].filter((name) => others.every((other) => other.has(name))));
}

function keyOf(report: RevisionReport): RevisionKey {
  return `${report.namespace}/${report.revision}`;
}
