import { BusError, BusRefusedError, BusUnavailableError } from "@kelvin/bus";
import type { BusTrouble, Clock } from "@kelvin/bus";
import { connect, credsAuthenticator, Events, NatsError } from "nats";
import type { ConnectionOptions, JetStreamClient, JetStreamManager, NatsConnection } from "nats";

/** How to reach the servers. */
export interface NatsOptions {
  /** `nats://host:port` or `tls://host:port`, one or more of one cluster. */
  readonly servers: readonly string[];
  readonly credentials?: NatsCredentials;
  /** Who this is, in the server's lists. */
  readonly name: string;
  /** How long a reader's process may give no sign of life before what it holds goes to another; default 30 s. */
  readonly silenceMsMax?: number;
}

/** Who we are at the server. `file`: the content of a credentials file (a JWT and its key). */
export type NatsCredentials =
  | { readonly user: string; readonly password: string }
  | { readonly token: string }
  | { readonly file: string };

/** A connection that mends itself, with JetStream on top. */
export interface JetStreamConnection {
  readonly jetStream: JetStreamClient;
  readonly manager: JetStreamManager;
  /** The connection below JetStream. */
  readonly core: NatsConnection;
  /** @see NatsOptions.silenceMsMax */
  readonly silenceMsMax: number;
  /** The greatest message the server takes. */
  readonly maxPayloadBytes: number;
  readonly trouble: BusTrouble | undefined;
  /** Calls back whenever the connection is lost, until the function that is returned is called. */
  onLost(callback: () => void): () => void;
  /**
   * Asks the server for something. Fails at once while the connection is lost, or when it gets lost: no answer comes then.
   *
   * @throws BusUnavailableError then, or whatever `ask` throws.
   */
  whileThere<T>(ask: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** Longest wait for one answer of the server. */
export const ANSWER_MS_MAX = 5_000;
const RECONNECT_WAIT_MS = 250;
const SILENCE_MS_MAX = 30_000;

/**
 * Connects. From then on a lost connection is made again for ever; meanwhile calls fail with BusUnavailableError.
 *
 * @throws BusUnavailableError when nobody answers; BusRefusedError for wrong credentials, or a server without JetStream.
 */
export async function openConnection(options: NatsOptions, clock: Clock): Promise<JetStreamConnection> {
  const connection = await connectTo(options);
  try {
    const manager = await connection.jetstreamManager({ timeout: ANSWER_MS_MAX });
    const watched = watchTrouble(connection, clock);
    return {
      jetStream: connection.jetstream({ timeout: ANSWER_MS_MAX }),
      manager,
      core: connection,
      silenceMsMax: options.silenceMsMax ?? SILENCE_MS_MAX,
      maxPayloadBytes: connection.info?.max_payload ?? 1024 * 1024,
      get trouble() {
        return watched.trouble;
      },
      onLost: (callback) => watched.onLost(callback),
      whileThere: (ask) => whileThere(ask, watched),
      close: () => connection.close(),
    };
  } catch (error) {
    await connection.close();
    throw natsFailure(error, "JetStream");
  }
}

async function connectTo({ servers, credentials, name }: NatsOptions): Promise<NatsConnection> {
  const settings: ConnectionOptions = {
    servers: [...servers],
    name,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT_MS,
    timeout: ANSWER_MS_MAX,
  };
  try {
    return await connect({ ...settings, ...credentialSettings(credentials) });
  } catch (error) {
    throw natsFailure(error, servers.join(", "));
  }
}

function credentialSettings(credentials: NatsCredentials | undefined): ConnectionOptions {
  if (credentials === undefined) return {};
  if ("token" in credentials) return credentials;
  if ("user" in credentials) return { user: credentials.user, pass: credentials.password };
  return { authenticator: credsAuthenticator(Buffer.from(credentials.file)) };
}

type Watched = Pick<JetStreamConnection, "trouble" | "onLost">;

function watchTrouble(connection: NatsConnection, clock: Clock): Watched {
  const listeners = new Set<() => void>();
  const state: { trouble: BusTrouble | undefined; onLost: Watched["onLost"] } = {
    trouble: undefined,
    onLost(callback) {
      listeners.add(callback);
      return () => listeners.delete(callback);
    },
  };
  const watch = async (): Promise<void> => {
    for await (const { type, data } of connection.status()) {
      if (type === Events.Disconnect) {
        state.trouble = { sinceMs: clock.nowMs(), reason: `lost ${typeof data === "string" ? data : "the server"}` };
        for (const listener of listeners) listener();
      }
      if (type === Events.Reconnect) state.trouble = undefined;
    }
  };
  // The list of statuses ends with the connection and fails with nothing.
  watch().catch(() => undefined);
  return state;
}

async function whileThere<T>(ask: () => Promise<T>, watched: Watched): Promise<T> {
  const { promise: lost, reject } = Promise.withResolvers<never>();
  const giveUp = (): void => {
    reject(new BusUnavailableError(watched.trouble?.reason ?? "lost the server"));
  };
  const stop = watched.onLost(giveUp);
  if (watched.trouble !== undefined) giveUp();
  try {
    return await (watched.trouble === undefined ? Promise.race([ask(), lost]) : lost);
  } finally {
    stop();
  }
}

/** Error codes of the client that no waiting mends. */
const REFUSALS = new Set(["AUTHORIZATION_VIOLATION", "PERMISSIONS_VIOLATION", "AUTHENTICATION_EXPIRED"]);

/** What the client threw, as an error of the port. */
export function natsFailure(error: unknown, what: string): Error {
  if (error instanceof BusError) return error;
  if (!(error instanceof Error)) return new BusUnavailableError(`${what}: ${String(error)}`);
  if (!(error instanceof NatsError)) return new BusUnavailableError(`${what}: ${error.message}`);
  if (REFUSALS.has(error.code)) return new BusRefusedError(`${what}: refused: ${error.message}`);
  if (error.code === "503" && error.api_error === undefined) {
    return new BusUnavailableError(`${what}: nobody answers for JetStream; is it on at the server?`);
  }
  const code = error.api_error?.code ?? 0;
  return code >= 400 && code < 500
    ? new BusRefusedError(`${what}: ${error.message}`)
    : new BusUnavailableError(`${what}: ${error.message}`);
}

/** Whether JetStream says that a stream or consumer is not there. */
export function isNotFound(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.code === 404;
}

/** What is asked for, or undefined when JetStream says that it is not there. */
export async function ignoreMissing<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** What the server says when a stream is as full as it may be. */
const STORE_FAILED = 10_077;

/** Whether a message was refused because its stream is full. */
export function isStoreFull(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.err_code === STORE_FAILED;
}
