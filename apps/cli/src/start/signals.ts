/** npm passes on a Ctrl-C that the terminal has sent us already; only a later one means "now". */
const REPEAT_MS = 1_000;

export interface StopSignals {
  /** Aborts at the first SIGINT or SIGTERM. */
  readonly stopped: AbortSignal;
  /** Called when the user insists. */
  onSecond(callback: () => void): void;
  close(): void;
}

/** The least of `process` that is needed. */
interface SignalSource {
  on(signal: "SIGINT" | "SIGTERM" | "SIGHUP", listener: () => void): unknown;
  off(signal: "SIGINT" | "SIGTERM" | "SIGHUP", listener: () => void): unknown;
}

const signalNames = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Takes over the signals that end a program, from now until `close`. */
export function followSignals(source: SignalSource, nowMs: () => number): StopSignals {
  const abort = new AbortController();
  let firstMs: number | undefined;
  let insist: () => void = () => undefined;
  const receive = (): void => {
    if (firstMs === undefined) {
      firstMs = nowMs();
      abort.abort(new Error("told to stop"));
    } else if (nowMs() - firstMs > REPEAT_MS) insist();
  };
  for (const name of signalNames) source.on(name, receive);
  return {
    stopped: abort.signal,
    onSecond(callback) {
      insist = callback;
    },
    close() {
      for (const name of signalNames) source.off(name, receive);
    },
  };
}
