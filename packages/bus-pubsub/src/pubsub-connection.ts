import { Client } from "@grpc/grpc-js";
import type { ChannelCredentials, ClientDuplexStream, ClientOptions } from "@grpc/grpc-js";
import { BusUnavailableError } from "@kelvin/bus";
import type { BusTrouble, Clock } from "@kelvin/bus";
import { openCredentials } from "./pubsub-credentials.ts";
import type { CredentialOptions } from "./pubsub-credentials.ts";
import { codeOf, isAway, isNotFound, pubsubFailure } from "./pubsub-failure.ts";
import { pubsubMethods } from "./pubsub-methods.ts";
import type { PubsubMethod, StreamingPullRequest, StreamingPullResponse } from "./pubsub-methods.ts";

/** How to reach the service. */
export interface PubsubOptions extends CredentialOptions {
  readonly projectId: string;
  /** Who this is: in the names of what belongs to this process alone. */
  readonly name: string;
  /** How long a process may give no sign of life before what it holds goes to another; 10 s to 10 min, default 20 s. */
  readonly silenceMsMax?: number;
  /** Longest wait for one answer of the service; default 5 s. An append, repetitions and all, may take twice that. */
  readonly answerMsMax?: number;
  /** How messages are fetched; default: by streams from the service, by questions from an emulator. */
  readonly reading?: "stream" | "questions";
}

/** How long a call may take. */
export interface CallOptions {
  /** Default: the connection's. */
  readonly answerMsMax?: number;
}

/** A stream of received messages. */
export type PullCall = ClientDuplexStream<StreamingPullRequest, StreamingPullResponse>;

/** A way to the service that mends itself. */
export interface PubsubConnection {
  readonly projectId: string;
  /** @see PubsubOptions.silenceMsMax */
  readonly silenceMsMax: number;
  /** @see PubsubOptions.answerMsMax */
  readonly answerMsMax: number;
  /** Undefined while the service answers. */
  readonly trouble: BusTrouble | undefined;
  /**
   * Asks the service for something, once. Rejects with what gRPC says, or with BusUnavailableError when closed; `asked`
   * makes errors of the port of it.
   */
  call<Request, Response>(
    method: PubsubMethod<Request, Response>,
    request: Request,
    options?: CallOptions,
  ): Promise<Response>;
  /** @see PubsubOptions.reading */
  readonly reading: "stream" | "questions";
  /** Opens a stream. Whoever opens it listens for `error`. */
  openPull(): PullCall;
  /** Notes what is wrong with one thing at the service, until it is noted as mended (undefined). */
  noteFault(what: string, reason: string | undefined): void;
  close(): void;
}

const ANSWER_MS_MAX = 5_000;
const SERVICE = "pubsub.googleapis.com:443";
const SILENCE_MS_MAX = 20_000;
const PROBE_MS = 1_000;
/** The service's front end takes 100 a connection. */
const PULLS_A_CHANNEL = 80;

const CHANNEL: ClientOptions = {
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  // A connection that hangs must not be found again by the next channel.
  "grpc.use_local_subchannel_pool": 1,
  "grpc.initial_reconnect_backoff_ms": 200,
  "grpc.max_reconnect_backoff_ms": 2_000,
};
/** The emulator ends a connection that is pinged more often than every five minutes. */
const SERVICE_CHANNEL: ClientOptions = {
  ...CHANNEL,
  "grpc.keepalive_time_ms": 60_000,
  "grpc.keepalive_timeout_ms": 10_000,
};

/**
 * Connects, and asks one question to see that the service takes us.
 *
 * @throws BusUnavailableError when nobody answers in time; BusRefusedError for wrong credentials or a project that is none.
 */
export async function openConnection(options: PubsubOptions, clock: Clock): Promise<PubsubConnection> {
  const connection = makeConnection(options, { clock, channelCredentials: await openCredentials(options) });
  const where = `project "${options.projectId}" at ${options.emulatorHost ?? SERVICE}`;
  try {
    await connection.call(pubsubMethods.getTopic, { topic: probeTopic(options.projectId) });
  } catch (error) {
    if (isNotFound(error)) return connection;
    connection.close();
    throw pubsubFailure(error, where);
  }
  return connection;
}

function probeTopic(projectId: string): string {
  return `projects/${projectId}/topics/kelvin-no-such-topic`;
}

interface Parts {
  readonly clock: Clock;
  readonly channelCredentials: ChannelCredentials;
}

function makeConnection(options: PubsubOptions, { clock, channelCredentials }: Parts): PubsubConnection {
  const { emulatorHost, projectId, answerMsMax = ANSWER_MS_MAX } = options;
  const newClient = (): Client =>
    new Client(emulatorHost ?? SERVICE, channelCredentials, emulatorHost === undefined ? SERVICE_CHANNEL : CHANNEL);
  const pulls = makePullChannels(newClient);
  let client = newClient();
  let isClosed = false;
  const health = watchHealth(clock, () =>
    callOnce(client, pubsubMethods.getTopic, { request: { topic: probeTopic(projectId) }, answerMsMax }),
  );
  /** A connection that takes requests and answers none never ends by itself. */
  const renew = (): void => {
    client.close();
    client = newClient();
    pulls.renew();
  };
  return {
    projectId,
    silenceMsMax: options.silenceMsMax ?? SILENCE_MS_MAX,
    answerMsMax,
    reading: options.reading ?? (emulatorHost === undefined ? "stream" : "questions"),
    get trouble() {
      return health.trouble;
    },
    async call(method, request, callOptions = {}) {
      if (isClosed) throw new BusUnavailableError("closed");
      const asking = client;
      try {
        const answer = await callOnce(asking, method, { answerMsMax, ...callOptions, request });
        health.onAnswer();
        return answer;
      } catch (error) {
        if (!isAway(error)) health.onAnswer();
        else if (!isClosed) health.onSilence(error);
        if (isDeadline(error) && asking === client && !isClosed) renew();
        throw error;
      }
    },
    openPull: () => pulls.open(),
    noteFault: (what, reason) => health.noteFault(what, reason),
    close() {
      isClosed = true;
      health.close();
      client.close();
      pulls.close();
    },
  };
}

const DEADLINE_EXCEEDED = 4;

function isDeadline(error: unknown): boolean {
  return codeOf(error) === DEADLINE_EXCEEDED;
}

function callOnce<Request, Response>(
  client: Client,
  { path, serialize, deserialize }: PubsubMethod<Request, Response>,
  { request, answerMsMax }: CallOptions & { readonly request: Request; readonly answerMsMax: number },
): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const options = { deadline: new Date(new Date().getTime() + answerMsMax) };
  client.makeUnaryRequest(path, serialize, deserialize, request, options, (error, answer) => {
    if (error !== null) reject(error);
    else if (answer === undefined) reject(new BusUnavailableError("an answer without a message"));
    else resolve(answer);
  });
  return promise;
}

interface PullChannels {
  open(): PullCall;
  /** Ends all streams; whoever has one opens another. */
  renew(): void;
  close(): void;
}

function makePullChannels(newClient: () => Client): PullChannels {
  const channels = new Map<Client, Set<PullCall>>();
  const { path, serialize, deserialize } = pubsubMethods.streamingPull;
  const closeAll = (): void => {
    for (const [client, calls] of channels) {
      for (const call of calls) call.cancel();
      client.close();
    }
    channels.clear();
  };
  return {
    open() {
      let [client, calls] = [...channels].find(([, { size }]) => size < PULLS_A_CHANNEL) ?? [];
      if (client === undefined || calls === undefined) {
        [client, calls] = [newClient(), new Set()];
        channels.set(client, calls);
      }
      const call = client.makeBidiStreamRequest(path, serialize, deserialize);
      calls.add(call);
      const [owner, siblings] = [client, calls];
      call.once("close", () => {
        siblings.delete(call);
        if (siblings.size > 0 || channels.size === 1 || !channels.delete(owner)) return;
        owner.close();
      });
      return call;
    },
    renew: closeAll,
    close: closeAll,
  };
}

interface Health {
  readonly trouble: BusTrouble | undefined;
  onAnswer(): void;
  onSilence(error: unknown): void;
  noteFault(what: string, reason: string | undefined): void;
  close(): void;
}

/** Since when nobody answers. From the first silence on it asks every second, so that the end of it shows by itself. */
function watchHealth(clock: Clock, probe: () => Promise<unknown>): Health {
  const faults = new Map<string, BusTrouble>();
  let silent: BusTrouble | undefined;
  let isClosed = false;
  let stopTimer: () => void = () => undefined;
  const askLater = (): void => {
    stopTimer();
    stopTimer = clock.setTimer(ask, PROBE_MS);
  };
  const ask = (): void => {
    probe()
      .catch((error: unknown) => {
        if (isAway(error)) throw error;
      })
      .then(
        () => {
          silent = undefined;
        },
        () => {
          if (!isClosed && silent !== undefined) askLater();
        },
      );
  };
  return {
    get trouble() {
      return silent ?? faults.values().next().value;
    },
    onAnswer() {
      silent = undefined;
    },
    onSilence(error) {
      const reason = pubsubFailure(error, "Pub/Sub").message;
      if (silent === undefined) askLater();
      silent = { sinceMs: silent?.sinceMs ?? clock.nowMs(), reason };
    },
    noteFault(what, reason) {
      if (reason === undefined) faults.delete(what);
      else faults.set(what, { sinceMs: faults.get(what)?.sinceMs ?? clock.nowMs(), reason });
    },
    close() {
      isClosed = true;
      stopTimer();
    },
  };
}
