import { createServer, request, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import type { KubeObject } from "@kelvin/api";
import type {
  Bus,
  BusParameters,
  Channel as BusChannel,
  Subscription as BusSubscription,
} from "@kelvin/api/channels/v1alpha1";
import type { Broker, Trigger } from "@kelvin/api/eventing/v1";
import type { InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1";
import { createLogger } from "@kelvin/http-service";
import { systemClock, type Clock } from "@kelvin/kube";
import { configMap, inNamespace, openFakeKube, type FakeKube } from "@kelvin/testkit";
import { openBus, type RunningBus } from "../src/bus/app.ts";
import { parseBusConfig } from "../src/bus/config.ts";
import type { OpenBus } from "../src/bus/opened-bus.ts";
import { parseReport, type BusReport } from "../src/model/report.ts";

/** One replica of a bus on a fake Kubernetes, with real sockets. */
export interface BusWorld {
  readonly kube: FakeKube;
  readonly bus: RunningBus;
  /** Posts an event to a stream. */
  readonly post: (path: string, how?: PostOptions) => Promise<Answer>;
  readonly report: (after?: string) => Promise<BusReport>;
  readonly isReady: () => Promise<boolean>;
  readonly metrics: () => Promise<string>;
  readonly close: () => Promise<void>;
}

export interface PostOptions {
  readonly host?: string;
  readonly method?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export const EVENT = { "ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "order" };
const NAMESPACE = "knative-eventing";

/** What a world is made with, besides objects and environment. */
export interface WorldParts {
  readonly kube?: FakeKube;
  readonly clock?: Clock;
  /** Changes what is opened at the broker. */
  readonly change?: (open: OpenBus) => OpenBus;
}

/** Opens a bus; `joined` is not waited for. */
export async function openBusWorld(
  objects: readonly KubeObject[],
  env: Record<string, string> = {},
  { kube = openFakeKube({ objects }), clock = systemClock, change = (open) => open }: WorldParts = {},
): Promise<BusWorld> {
  const ports = { HTTP_PORT: "0", INTERNAL_PORT: "0" };
  const config = parseBusConfig({ ...ports, POD_NAME: "replica-1", BUS_NAME: "stub", ...env });
  const log = createLogger("eventing-bus", { level: env["LOG_LEVEL"] ?? "silent" });
  const bus = await openBus({ ...config, openBus: change(config.openBus), lingerMs: 0 }, { kube, clock, log });
  const internal = (path: string): Promise<Answer> => call(bus.ports().internal, { path, method: "GET" });
  return {
    kube,
    bus,
    post: (path, { host = "broker-ingress.knative-eventing.svc.cluster.local", headers = EVENT, ...how } = {}) =>
      call(bus.ports().http, { path, method: "POST", ...how, headers: { host, ...headers } }),
    report: async (after = "") => parseReport((await internal(`/report?after=${after}`)).body),
    metrics: async () => (await internal("/metrics")).body,
    isReady: async () => (await internal("/readyz")).status === 200,
    close: () => bus.close(),
  };
}

interface Call extends PostOptions {
  readonly path: string;
}

/**
 * One request over a connection of its own: one that is kept belongs to a port, and the next test's server may get the port of
 * the last one's, which has just reset it. The write then fails before this process has read of the reset.
 */
export function call(port: number, { path, method = "POST", headers = {}, body = "" }: Call): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** What a subscriber got. */
export interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** What a subscriber answers. */
export interface SinkAnswer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** A subscriber over real HTTP that notes what it gets and answers with a status, or more. */
export async function openSink(answer: (got: Received) => number | SinkAnswer = () => 202) {
  const received: Received[] = [];
  const server = createServer((message, response) => {
    let body = "";
    message.on("data", (chunk: Buffer) => (body += chunk.toString()));
    message.on("end", () => {
      const got = { headers: message.headers, body };
      received.push(got);
      const told = answer(got);
      const { status, headers = {}, body: text = "" } = typeof told === "number" ? { status: told } : told;
      response.writeHead(status, headers).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    received,
    ids: () => received.map(({ headers }) => String(headers["ce-id"])),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Resolves once the condition holds; rejects after twenty seconds with what is wrong. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    if (await isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`${what}: not so after 20 s`);
}

// Objects as admission and the role `control` leave them.

/** The ConfigMap of Brokers, with the template of a channel; default: in memory. */
export function brokerConfig(kind = "InMemoryChannel", apiVersion = "messaging.knative.dev/v1"): KubeObject {
  const content = { "channel-template-spec": `apiVersion: ${apiVersion}\nkind: ${kind}\n` };
  return configMap("config-br-default-channel", content, inNamespace(NAMESPACE));
}

export function broker(name: string, spec: Broker["spec"] = {}, metadata: KubeObject["metadata"] = {}): Broker {
  const config = { apiVersion: "v1", kind: "ConfigMap", namespace: NAMESPACE, name: "config-br-default-channel" };
  return {
    apiVersion: "eventing.knative.dev/v1",
    kind: "Broker",
    metadata: {
      name,
      namespace: "shop",
      uid: `uid-${name}`,
      generation: 1,
      annotations: { "eventing.knative.dev/broker.class": "MTChannelBasedBroker" },
      ...metadata,
    },
    spec: { config, ...spec },
    status: { observedGeneration: metadata.generation ?? 1 },
  };
}

export interface TriggerOptions {
  readonly spec?: Trigger["spec"];
  readonly metadata?: KubeObject["metadata"];
  readonly status?: Trigger["status"];
}

export function trigger(name: string, url: string | undefined, options: TriggerOptions = {}): Trigger {
  const { spec = {}, metadata = {}, status = {} } = options;
  return {
    apiVersion: "eventing.knative.dev/v1",
    kind: "Trigger",
    metadata: { name, namespace: "shop", uid: `uid-${name}`, generation: 1, ...metadata },
    spec: { broker: "orders", ...spec },
    status: {
      observedGeneration: metadata.generation ?? 1,
      ...(url === undefined ? {} : { subscriberUri: url }),
      ...status,
    },
  };
}

export function inMemoryChannel(name: string, metadata: KubeObject["metadata"] = {}): InMemoryChannel {
  return {
    apiVersion: "messaging.knative.dev/v1",
    kind: "InMemoryChannel",
    metadata: { name, namespace: "shop", uid: `uid-${name}`, generation: 1, ...metadata },
    spec: {},
    status: { observedGeneration: 1 },
  };
}

export function subscription(name: string, url: string, channelKind = "InMemoryChannel"): Subscription {
  return {
    apiVersion: "messaging.knative.dev/v1",
    kind: "Subscription",
    metadata: { name, namespace: "shop", uid: `uid-${name}`, generation: 1 },
    spec: { channel: { apiVersion: "messaging.knative.dev/v1", kind: channelKind, name: "news" } },
    status: { observedGeneration: 1, physicalSubscription: { subscriberUri: url } },
  };
}

// Of channels.knative.dev.

/** A bus of every namespace, or, with one in its metadata, of that. */
export function bus(name: string, parameters: BusParameters = {}, metadata: KubeObject["metadata"] = {}): Bus {
  return {
    apiVersion: "channels.knative.dev/v1alpha1",
    kind: metadata.namespace === undefined ? "ClusterBus" : "Bus",
    metadata: { name, uid: `uid-bus-${name}`, generation: 1, ...metadata },
    spec: { parameters, dispatcher: { image: "example.test/bus" } },
  };
}

export interface BusChannelOptions {
  readonly spec?: BusChannel["spec"];
  readonly metadata?: KubeObject["metadata"];
}

/** A channel of the ClusterBus `stub`, unless its spec says another. */
export function busChannel(name: string, { spec = {}, metadata = {} }: BusChannelOptions = {}): BusChannel {
  return {
    apiVersion: "channels.knative.dev/v1alpha1",
    kind: "Channel",
    metadata: { name, namespace: "shop", uid: `uid-${name}`, generation: 1, ...metadata },
    spec: spec.bus === undefined ? { clusterBus: "stub", ...spec } : spec,
    status: { observedGeneration: metadata.generation ?? 1 },
  };
}

export interface BusSubscriptionOptions {
  readonly spec?: BusSubscription["spec"];
  readonly metadata?: KubeObject["metadata"];
  readonly status?: BusSubscription["status"];
}

/** A Subscription to the channel `news`. */
export function busSubscription(
  name: string,
  url: string | undefined,
  options: BusSubscriptionOptions = {},
): BusSubscription {
  const { spec = {}, metadata = {}, status = {} } = options;
  return {
    apiVersion: "channels.knative.dev/v1alpha1",
    kind: "Subscription",
    metadata: { name, namespace: "shop", uid: `uid-${name}`, generation: 1, ...metadata },
    spec: { channel: "news", subscriber: "whoever", ...spec },
    status: {
      observedGeneration: metadata.generation ?? 1,
      ...(url === undefined ? {} : { subscriberUri: url }),
      ...status,
    },
  };
}
