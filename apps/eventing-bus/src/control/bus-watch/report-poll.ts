import { callHttp } from "@kelvin/http-service";
import { makeBackoff, type Clock } from "@kelvin/kube";
import { parseReport, reportBytesMax, reportPath, reportWaitMsMax, type BusReport } from "../../model/report.ts";

/** Asks one replica what it serves, again and again. */
export interface ReportPoll {
  /** Resolves when it was heard once, or was silent for as long as is allowed. */
  readonly heardOrSilent: Promise<void>;
  close(): Promise<void>;
}

/** @see openReportPoll */
export interface ReportPollOptions {
  /** `host:port`. */
  readonly address: string;
  readonly clock: Clock;
  readonly silenceMsMax: number;
  readonly onReport: (report: BusReport) => void;
  /** Told once for each silence, with what happened last. */
  readonly onSilent: (reason: string) => void;
}

const RETRY_MS_MIN = 100;
const RETRY_MS_MAX = 2_000;
/** A replica may wait with its answer, and the network may take its time. */
const ANSWER_MS_MAX = reportWaitMsMax + 5_000;

/** Begins at once; the replica answers when it has news. */
export function openReportPoll(options: ReportPollOptions): ReportPoll {
  const { clock } = options;
  const abort = new AbortController();
  const { signal } = abort;
  const settled = Promise.withResolvers<void>();
  const backoff = makeBackoff(RETRY_MS_MIN, RETRY_MS_MAX);
  let version = "";
  let reason = "no answer yet";
  const expect = (): (() => void) =>
    clock.setTimer(() => {
      options.onSilent(reason);
      settled.resolve();
    }, options.silenceMsMax);
  /** Undefined while nothing is overdue: a replica may be long silent when it has no news. */
  let cancelSilence: (() => void) | undefined = expect();

  const heard = (report: BusReport): void => {
    cancelSilence?.();
    cancelSilence = undefined;
    version = report.version;
    backoff.reset();
    options.onReport(report);
    settled.resolve();
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        const before = version;
        heard(await ask(options, before, signal));
        // No news: it waited for some, or it is about to stop and lets nobody wait.
        if (version === before) await clock.sleep(RETRY_MS_MIN, signal);
      } catch (error) {
        reason = error instanceof Error ? error.message : String(error);
        cancelSilence ??= expect();
        await clock.sleep(backoff.nextMs(), signal);
      }
    }
    cancelSilence?.();
    settled.resolve();
  };
  const running = run();
  return {
    heardOrSilent: settled.promise,
    async close() {
      abort.abort();
      await running;
    },
  };
}

async function ask({ address, clock }: ReportPollOptions, version: string, signal: AbortSignal): Promise<BusReport> {
  const deadline = new AbortController();
  const give = (): void => deadline.abort(new Error(`${address} did not answer within ${ANSWER_MS_MAX} ms`));
  const cancel = clock.setTimer(give, ANSWER_MS_MAX);
  signal.addEventListener("abort", give, { once: true });
  try {
    const url = `http://${address}${reportPath}?after=${encodeURIComponent(version)}`;
    const answer = await callHttp(url, { signal: deadline.signal, bodyBytesMax: reportBytesMax });
    if (answer.status !== 200) throw new Error(`${address} answered ${answer.status}`);
    return parseReport(answer.body.toString("utf8"));
  } finally {
    cancel();
    signal.removeEventListener("abort", give);
  }
}
