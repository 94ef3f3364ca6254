import { isTimeout, NO_ANSWER, watchConnection } from "./connection-watch.ts";
import type { ConnectionWatch } from "./connection-watch.ts";
import { BusError, BusRefusedError, BusUnavailableError } from "@kelvin/bus";
import type { Clock } from "@kelvin/bus";
import { connect, credsAuthenticator, ErrorCode, NatsError } from "nats";
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
export interface JetStreamConnection extends ConnectionWatch {
  readonly jetStream: JetStreamClient;
  readonly manager: JetStreamManager;
  /** The connection below JetStream. */
  readonly core: NatsConnection;
  /** @see NatsOptions.silenceMsMax */
  readonly silenceMsMax: number;
  /** The greatest message the server takes. */
  readonly maxPayloadBytes: number;
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
    const watched = watchConnection(connection, clock);
    return {
      jetStream: connection.jetstream({ timeout: ANSWER_MS_MAX }),
      manager,
      core: connection,
      silenceMsMax: options.silenceMsMax ?? SILENCE_MS_MAX,
      maxPayloadBytes: connection.info?.max_payload ?? 1024 * 1024,
      get trouble() {
        return watched.trouble;
      },
      get isLost() {
        return watched.isLost;
      },
      onLost: (callback) => watched.onLost(callback),
      whileThere: (ask) => watched.whileThere(ask),
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
    // Credentials get mended at the server, too.
    ignoreAuthErrorAbort: true,
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

/** Error codes of the client that no waiting mends. */
const NO_STORAGE = 10_047;
const REFUSALS = new Set(["AUTHORIZATION_VIOLATION", "PERMISSIONS_VIOLATION", "AUTHENTICATION_EXPIRED"]);

/** What the client threw, as an error of the port. */
export function natsFailure(error: unknown, what: string): Error {
  if (error instanceof BusError) return error;
  if (error instanceof NatsError) return failureOf(error, what);
  return new BusUnavailableError(`${what}: ${error instanceof Error ? error.message : String(error)}`);
}

function failureOf(error: NatsError, what: string): Error {
  const { code, message, api_error: answer } = error;
  if (REFUSALS.has(code)) return new BusRefusedError(`${what}: refused: ${message}`);
  if (isTimeout(error)) return new BusUnavailableError(`${what}: ${NO_ANSWER}`);
  if (answer === undefined) {
    const isNobody = code === "503";
    return new BusUnavailableError(
      `${what}: ${isNobody ? "nobody answers for JetStream; is it on at the server?" : message}`,
    );
  }
  if (answer.err_code === NO_STORAGE) {
    return new BusUnavailableError(`${what}: the server's storage is full or promised to others; raise its max_file`);
  }
  const isRefusal = answer.code >= 400 && answer.code < 500;
  return isRefusal ? new BusRefusedError(`${what}: ${message}`) : new BusUnavailableError(`${what}: ${message}`);
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

/** Whether the message is greater than the server takes by now. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof NatsError && error.code === String(ErrorCode.MaxPayloadExceeded);
}

/** What the server says when a stream is as full as it may be. */
const STORE_FAILED = 10_077;

/** Whether a message was refused because its stream is full. */
export function isStoreFull(error: unknown): boolean {
  return error instanceof NatsError && error.api_error?.err_code === STORE_FAILED;
}
