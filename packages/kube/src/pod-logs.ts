import { systemClock } from "./clock.ts";
import { Pod } from "./core-kinds.ts";
import { toError, UnavailableError } from "./errors.ts";
import { openTransport, type Transport } from "./http-transport.ts";
import type { KubeClientOptions } from "./http-kube-client.ts";
import type { KubeConfig } from "./kube-config.ts";
import { objectPath, queryText } from "./resource-path.ts";

/** One container of one Pod. */
export interface LogContainer {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
}

/** Which part of the output is wanted, and in which form. */
export interface PodLogOptions {
  /** Whether to go on with what is written from now on, until the container ends. */
  readonly follow?: boolean;
  /** RFC 3339. The server looks at whole seconds and may send earlier lines too. */
  readonly sinceTime?: string;
  /** Whether each line begins with its time, RFC 3339 with up to nine digits of fraction, and a space. */
  readonly timestamps?: boolean;
  readonly signal: AbortSignal;
}

/** What containers have written: the port to `pods/log`, which is a stream and no object. */
export interface PodLogs {
  /**
   * The output as it comes, cut anywhere. Ends when the container has ended, or the server thinks so: look at its state.
   * @throws NotFoundError when the Pod is gone; KubeError 400 while the container has not started; UnavailableError when the
   * connection breaks: go on from the last whole line.
   */
  openLog(container: LogContainer, options: PodLogOptions): AsyncIterable<Buffer>;
}

/** PodLogs that own connections. */
export interface OpenPodLogs extends PodLogs {
  /** Ends all streams at once. */
  close(): Promise<void>;
}

/** Opens the port over HTTP. Nothing is sent before the first call; each log has a connection of its own. */
export function openPodLogs(config: KubeConfig, options: KubeClientOptions = {}): OpenPodLogs {
  const { clock = systemClock, userAgent = "kelvin", answerMsMax = 30_000 } = options;
  const transport = openTransport(config, { clock, userAgent, answerMsMax });
  return { openLog: (container, how) => streamLog(transport, container, how), close: () => transport.close() };
}

async function* streamLog(
  transport: Transport,
  { namespace, pod, container }: LogContainer,
  { follow, sinceTime, timestamps, signal }: PodLogOptions,
): AsyncGenerator<Buffer> {
  const query = queryText({ container, follow, sinceTime, timestamps });
  // Text is what comes, and some servers refuse those who say that they take JSON only.
  const stream = await transport.stream(objectPath(Pod, { namespace, name: pod }, "log") + query, signal, "*/*");
  try {
    yield* stream;
  } catch (error) {
    signal.throwIfAborted();
    throw new UnavailableError(`the log of ${pod} broke: ${toError(error).message}`, { cause: error });
  } finally {
    stream.destroy();
  }
}
