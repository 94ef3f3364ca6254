import type { RevisionReport } from "@kelvin/api/scaling";
import { openLoadWindow, type LoadWindow } from "../decider/load-window.ts";

/** A revision's load over time, summed over all activators. */
export interface RevisionHistory {
  readonly concurrencyMs: LoadWindow;
  readonly requestsEnded: LoadWindow;
  readonly keepMs: number;
  lastTrafficMs: number | undefined;
  lastNamedMs: number;
}

/** One history per revision that a report has named lately. */
export interface RevisionHistories {
  record(key: string, line: { report: RevisionReport; before: RevisionReport | undefined; spanMs: number }): void;
  find(key: string): RevisionHistory | undefined;
  ensureWindow(key: string, windowMs: number): void;
}

/** Longest stable window that an annotation can ask for. */
const windowMsMax = 3_600_000;
/** Windows grow from here when a revision asks for more; most never do. */
const windowMsDefault = 120_000;
/** Revisions that no report has named for this long are forgotten. */
const forgetAfterMs = windowMsMax + 60_000;
const revisionCountMax = 100_000;

/** Opens an empty set; `nowMs` is its clock. */
export function openRevisionHistories(nowMs: () => number): RevisionHistories {
  const histories = new Map<string, RevisionHistory>();

  function historyOf(key: string): RevisionHistory {
    let history = histories.get(key);
    if (history === undefined) {
      if (histories.size >= revisionCountMax) forgetOldest(histories, nowMs());
      history = makeHistory(windowMsDefault, nowMs());
      histories.set(key, history);
    }
    return history;
  }

  return {
    record(key, { report, before, spanMs }) {
      const history = historyOf(key);
      history.lastNamedMs = nowMs();
      const concurrencyMs = Math.max(0, report.concurrencyMs - (before?.concurrencyMs ?? 0));
      const requestsEnded = Math.max(0, report.requestsEnded - (before?.requestsEnded ?? 0));
      history.concurrencyMs.add(concurrencyMs, nowMs(), spanMs);
      history.requestsEnded.add(requestsEnded, nowMs(), spanMs);
      if (report.inFlight + report.queued > 0 || requestsEnded > 0) history.lastTrafficMs = nowMs();
    },
    find: (key) => histories.get(key),
    ensureWindow(key, windowMs) {
      const history = historyOf(key);
      if (windowMs <= history.keepMs) return;
      const grown = makeHistory(Math.min(windowMs, windowMsMax), nowMs());
      histories.set(key, { ...grown, lastTrafficMs: history.lastTrafficMs });
    },
  };
}

function forgetOldest(histories: Map<string, RevisionHistory>, nowMs: number): void {
  for (const [key, history] of histories) {
    if (nowMs - history.lastNamedMs > forgetAfterMs) histories.delete(key);
  }
  // Still full: the map is in order of first sight, so the first is the oldest known.
  const oldest = histories.keys().next();
  if (histories.size >= revisionCountMax && oldest.done !== true) histories.delete(oldest.value);
}

function makeHistory(keepMs: number, lastNamedMs: number): RevisionHistory {
  return {
    concurrencyMs: openLoadWindow(keepMs),
    requestsEnded: openLoadWindow(keepMs),
    keepMs,
    lastTrafficMs: undefined,
    lastNamedMs,
  };
}
