import type { Logger } from "pino";

/** What a started service gives back: how to stop it. */
export interface RunningService {
  close(): Promise<void>;
}

/** How a service is run. */
export interface RunServiceOptions {
  log: Logger;
  /** How long an orderly stop may take. Default 15 s. */
  stopMsMax?: number;
  /** Default: the process itself. */
  process?: Pick<NodeJS.Process, "on" | "exit">;
}

const STOP_MS_MAX = 15_000;

/**
 * Runs a service until SIGTERM or SIGINT, then closes it and exits 0. A second signal, a stop that takes too long, a failed
 * start and anything thrown that nobody caught exit 1.
 */
export async function runService(start: () => Promise<RunningService>, options: RunServiceOptions): Promise<void> {
  const { log, stopMsMax = STOP_MS_MAX, process: host = process } = options;
  const fail = (message: string, err?: unknown): void => {
    log.fatal({ err }, message);
    host.exit(1);
  };
  host.on("uncaughtException", (error: Error) => fail("Uncaught exception", error));
  host.on("unhandledRejection", (reason: unknown) => fail("Unhandled rejection", reason));

  const stopped = Promise.withResolvers<string>();
  let isStopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (isStopping) fail("Second signal, giving up");
    isStopping = true;
    stopped.resolve(signal);
  };
  host.on("SIGTERM", onSignal);
  host.on("SIGINT", onSignal);

  const service = await start().catch((error: unknown) => fail("Start failed", error));
  const signal = await stopped.promise;
  log.info({ signal }, "Stopping");
  setTimeout(() => fail("Stopping took too long"), stopMsMax).unref();
  try {
    await service?.close();
    log.info({}, "Stopped");
    host.exit(0);
  } catch (error) {
    fail("Stopping failed", error);
  }
}
