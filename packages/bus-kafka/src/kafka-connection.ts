import { BusRefusedError, BusUnavailableError } from "@kelvin/bus";
import type { BusTrouble, Clock } from "@kelvin/bus";
import { Kafka, logLevel } from "kafkajs";
import type { Admin, SASLOptions } from "kafkajs";
import { TOPIC_PREFIX } from "./broker-names.ts";
import { brokerSockets } from "./broker-sockets.ts";
import { isVerdict, kafkaFailure } from "./kafka-failure.ts";
import { mendRequestQueue } from "./mended-kafkajs.ts";

/** How to reach the brokers. */
export interface KafkaOptions {
  /** `host:port`, one or more of one cluster. */
  readonly brokers: readonly string[];
  readonly credentials?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  };
  /** Speaks TLS; default false. With `ca`, a text of PEM certificates, it trusts brokers that these vouch for, and no other. */
  readonly tls?: boolean | { readonly ca: string };
  /**
   * Where brokers are that advertise themselves on loopback (127.0.0.1, ::1, localhost): the name of their machine, for those
   * who are not on it.
   */
  readonly loopbackHost?: string;
  /** What stands before the name of each topic, and of each group: letters, digits, dot, dash, underscore, 40 at most. */
  readonly topicPrefix?: string;
  /** Copies of each record in topics that are made; undefined: as the broker does it. A log's own setting is stronger. */
  readonly replicas?: number;
  /** Who this is, in the broker's log. */
  readonly name: string;
  /** How long a reader's process may give no sign of life before what it holds goes to another; default 10 s. */
  readonly silenceMsMax?: number;
  /** How often a log is looked at for what every reader has finished, to remove it; default 10 s. */
  readonly trimMs?: number;
}

/** What everything else asks the brokers with. */
export interface KafkaConnection {
  /** A client of its own: what two share, a state of theirs too, is in the way of the other. */
  readonly newClient: () => Kafka;
  /** @see KafkaOptions.silenceMsMax */
  readonly silenceMsMax: number;
  /** @see KafkaOptions.trimMs */
  readonly trimMs: number;
  /** @see KafkaOptions.topicPrefix */
  readonly topicPrefix: string;
  /** @see KafkaOptions.replicas */
  readonly replicas: number | undefined;
  /** Asks as an administrator. @throws BusUnavailableError or BusRefusedError */
  ask<T>(what: string, ask: (admin: Admin) => Promise<T>): Promise<T>;
  readonly trouble: BusTrouble | undefined;
  close(): Promise<void>;
}

/** Longest wait for one answer of a broker. */
export const ANSWER_MS_MAX = 5_000;
const CONNECT_MS_MAX = 3_000;
const SILENCE_MS_MAX = 10_000;
const TRIM_MS = 10_000;
const PROBE_MS = 1_000;
const TRIES_MAX = 3;
const RETRY_MS = 200;

/**
 * Connects. From then on a lost connection is made again for ever; meanwhile calls fail with BusUnavailableError.
 *
 * @throws BusUnavailableError when nobody answers; BusRefusedError for wrong credentials.
 */
export async function openConnection(options: KafkaOptions, clock: Clock): Promise<KafkaConnection> {
  const { topicPrefix = "" } = options;
  if (!TOPIC_PREFIX.test(topicPrefix)) {
    throw new BusRefusedError(`topic prefix "${topicPrefix}": at most 40 letters, digits, dots, dashes, underscores`);
  }
  mendRequestQueue();
  const newClient = (): Kafka => new Kafka(clientConfig(options));
  let admin: Admin | undefined;
  const ask = async <T>(work: (admin: Admin) => Promise<T>): Promise<T> => {
    const mine = (admin ??= newClient().admin({ retry: { retries: 0 } }));
    try {
      await mine.connect();
      return await work(mine);
    } catch (error) {
      // It remembers topics that are gone and brokers that moved; the next one begins afresh.
      if (admin === mine) admin = undefined;
      mine.disconnect().catch(() => undefined);
      throw error;
    }
  };
  const asked = async <T>(what: string, work: (admin: Admin) => Promise<T>): Promise<T> => {
    for (let tries = 1; ; tries += 1) {
      try {
        return await ask(work);
      } catch (error) {
        const failure = kafkaFailure(error, what);
        const isHopeless = isVerdict(error) || failure instanceof BusRefusedError;
        if (isHopeless || tries === TRIES_MAX) throw failure;
        await pause(clock, RETRY_MS);
      }
    }
  };
  try {
    await asked(options.brokers.join(", "), (first) => first.describeCluster());
  } catch (error) {
    throw withHint(error, options);
  }
  const watched = watchTrouble(() => ask((any) => any.describeCluster()), clock);
  return {
    newClient,
    silenceMsMax: options.silenceMsMax ?? SILENCE_MS_MAX,
    trimMs: options.trimMs ?? TRIM_MS,
    topicPrefix,
    replicas: options.replicas,
    ask: asked,
    get trouble() {
      return watched.trouble;
    },
    async close() {
      watched.stop();
      await admin?.disconnect().catch(() => undefined);
      admin = undefined;
    },
  };
}

/** A broker that is spoken to in the wrong way says nothing and hangs up. */
function withHint(error: unknown, { tls = false, credentials }: KafkaOptions): unknown {
  if (!(error instanceof BusUnavailableError) || !/Closed connection|before secure TLS/.test(error.message))
    return error;
  const hint =
    tls !== false
      ? "perhaps it does not speak TLS at that port"
      : `perhaps it speaks TLS at that port${credentials === undefined ? ", or wants credentials" : ""}`;
  return new BusUnavailableError(`${error.message}; ${hint}`, { cause: error });
}

function clientConfig({ brokers, credentials, tls = false, name, loopbackHost }: KafkaOptions) {
  return {
    brokers: [...brokers],
    clientId: name,
    ssl: typeof tls === "boolean" ? tls : { ca: [tls.ca] },
    ...(loopbackHost === undefined ? {} : { socketFactory: brokerSockets(loopbackHost) }),
    // A copy: the client writes into it, and what it writes knows the password.
    ...(credentials === undefined ? {} : { sasl: { ...credentials } as SASLOptions }),
    connectionTimeout: CONNECT_MS_MAX,
    requestTimeout: ANSWER_MS_MAX,
    // What fails is told to whoever asked, or shows in `trouble`.
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 3 },
  };
}

/** Asks every second whether somebody is there: the client tells of a connection's end only to whom it fails. */
function watchTrouble(
  probe: () => Promise<unknown>,
  clock: Clock,
): { readonly trouble: BusTrouble | undefined; stop(): void } {
  const state: { trouble: BusTrouble | undefined } = { trouble: undefined };
  let isStopped = false;
  let cancel: () => void = () => undefined;
  const again = async (): Promise<void> => {
    try {
      await probe();
      state.trouble = undefined;
    } catch (error) {
      const { message } = kafkaFailure(error, "broker");
      state.trouble = { sinceMs: state.trouble?.sinceMs ?? clock.nowMs(), reason: message };
    }
    schedule();
  };
  const schedule = (): void => {
    if (!isStopped) cancel = clock.setTimer(() => void again(), state.trouble === undefined ? PROBE_MS : RETRY_MS);
  };
  schedule();
  return {
    get trouble() {
      return state.trouble;
    },
    stop() {
      isStopped = true;
      cancel();
    },
  };
}

/** Resolves when the promise settled, or after a while. */
export async function settledWithin(promise: Promise<unknown>, limitMs: number, clock: Clock): Promise<void> {
  const { promise: timeIsUp, resolve } = Promise.withResolvers<void>();
  const cancel = clock.setTimer(resolve, limitMs);
  await Promise.race([promise.catch(() => undefined), timeIsUp]);
  cancel();
}

/** Resolves after a while. */
export function pause(clock: Clock, delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    clock.setTimer(resolve, delayMs);
  });
}
