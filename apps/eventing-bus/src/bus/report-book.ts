import type { Clock } from "@kelvin/kube";
import type { BusReport, ReportedTrouble, ServedConsumer, ServedStream } from "../model/report.ts";

/** What this replica reports: kept here, read by whoever asks. */
export interface ReportBook {
  setStream(uid: string, served: ServedStream): void;
  /** The counts stay as they are. */
  setConsumer(uid: string, served: ConsumerState): void;
  setCounts(uid: string, counts: ConsumerCounts): void;
  /** There is no such object any more, or it is not this bus's. */
  forget(uid: string): void;
  setSynced(): void;
  setTrouble(trouble: ReportedTrouble | null): void;
  report(): BusReport;
  /** Resolves when the version is another one than `after`, when `waitMsMax` have passed, or when the book is closed. */
  changed(after: string, waitMsMax: number): Promise<void>;
  /** Lets everybody go who waits. */
  close(): void;
}

/** How a consumer is served. */
export type ConsumerState = Omit<ServedConsumer, keyof ConsumerCounts>;

/** What is counted of a consumer. */
export type ConsumerCounts = Pick<ServedConsumer, "deadLetters" | "backlog">;

/** @see openReportBook */
export interface ReportBookOptions {
  readonly bus: string;
  readonly replica: string;
  /** Unlike that of any other process. */
  readonly boot: string;
  readonly clock: Clock;
}

const NO_COUNTS: ConsumerCounts = { deadLetters: 0, backlog: 0 };

/** Opens an empty book. */
export function openReportBook({ bus, replica, boot, clock }: ReportBookOptions): ReportBook {
  const streams = new Map<string, ServedStream>();
  const consumers = new Map<string, ServedConsumer>();
  const news = openNews(boot, clock);
  let isSynced = false;
  let trouble: ReportedTrouble | null = null;

  const put = <T>(map: Map<string, T>, uid: string, served: T): void => {
    if (JSON.stringify(map.get(uid)) === JSON.stringify(served)) return;
    map.set(uid, served);
    news.touch();
  };
  return {
    setStream: (uid, served) => put(streams, uid, served),
    setConsumer(uid, { generation, state, message, since }) {
      const { deadLetters, backlog } = consumers.get(uid) ?? NO_COUNTS;
      put(consumers, uid, { generation, state, message, since, deadLetters, backlog });
    },
    setCounts(uid, { deadLetters, backlog }) {
      const served = consumers.get(uid);
      if (served !== undefined) put(consumers, uid, { ...served, deadLetters, backlog });
    },
    forget(uid) {
      const wasThere = [streams.delete(uid), consumers.delete(uid)];
      if (wasThere.includes(true)) news.touch();
    },
    setSynced() {
      isSynced = true;
      news.touch();
    },
    setTrouble(next) {
      if (JSON.stringify(next) === JSON.stringify(trouble)) return;
      trouble = next;
      news.touch();
    },
    report: () => ({
      bus,
      replica,
      version: news.version,
      synced: isSynced,
      trouble,
      streams: Object.fromEntries(streams),
      consumers: Object.fromEntries(consumers),
    }),
    changed: (after, waitMsMax) => news.changed(after, waitMsMax),
    close: () => news.close(),
  };
}

/** Changes that come together are told together: a report may be large. */
const GATHER_MS = 50;

interface News {
  readonly version: string;
  touch(): void;
  changed(after: string, waitMsMax: number): Promise<void>;
  close(): void;
}

function openNews(boot: string, clock: Clock): News {
  const waiting = new Set<() => void>();
  let edition = 0;
  let isClosed = false;
  let cancelGathering: (() => void) | undefined;
  const tell = (): void => {
    cancelGathering = undefined;
    edition += 1;
    for (const wake of waiting) wake();
  };
  const versionOf = (): string => `${boot}-${edition}`;
  return {
    get version() {
      return versionOf();
    },
    touch() {
      if (!isClosed) cancelGathering ??= clock.setTimer(tell, GATHER_MS);
    },
    changed(after, waitMsMax) {
      if (isClosed || after !== versionOf()) return Promise.resolve();
      return new Promise((resolve) => {
        const wake = (): void => {
          cancel();
          waiting.delete(wake);
          resolve();
        };
        const cancel = clock.setTimer(wake, waitMsMax);
        waiting.add(wake);
      });
    },
    close() {
      isClosed = true;
      cancelGathering?.();
      for (const wake of waiting) wake();
    },
  };
}
