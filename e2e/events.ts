import type { Cluster } from "./cluster.ts";
import { call, eventually, type HttpAnswer } from "./http.ts";
import type { Kubectl } from "./kubectl.ts";

// What the tests of Eventing are written in: events, where they go, and what the recorder got.

/** What the recorder keeps of a request. */
export interface Recorded {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number;
}

/** An object of Kubernetes, as kubectl shows it. */
export interface Shown {
  readonly metadata: { readonly generation: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly address?: { readonly url?: string };
    readonly annotations?: Readonly<Record<string, string>>;
    readonly conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
  };
}

/** A Broker; without a class or configuration it is what the cluster makes of it. */
export function broker(name: string, more: { class?: string; config?: string; spec?: object } = {}): object {
  const annotations = more.class === undefined ? {} : { "eventing.knative.dev/broker.class": more.class };
  const config = { apiVersion: "v1", kind: "ConfigMap", name: more.config, namespace: "default" };
  return {
    apiVersion: "eventing.knative.dev/v1",
    kind: "Broker",
    metadata: { name, annotations },
    spec: { ...(more.config === undefined ? {} : { config }), ...more.spec },
  };
}

/** A Trigger whose subscriber is the recorder at this path and query. */
export function trigger(
  name: string,
  { broker: of, path = `/${name}`, ...spec }: { broker: string; path?: string } & Record<string, unknown>,
): object {
  return {
    apiVersion: "eventing.knative.dev/v1",
    kind: "Trigger",
    metadata: { name },
    spec: { broker: of, subscriber: atRecorder(path), ...spec },
  };
}

/** The recorder as a Destination. */
export function atRecorder(uri: string): object {
  const ref = { apiVersion: "serving.knative.dev/v1", kind: "Service", name: "recorder", namespace: "default" };
  return { ref, uri };
}

/** One object as kubectl gives it. */
export async function show(kubectl: Kubectl, ...words: string[]): Promise<Shown> {
  return JSON.parse(await kubectl("get", ...words, "-o", "json")) as Shown;
}

/** Applies objects. @throws Error with kubectl's words. */
export async function applyAll(kubectl: Kubectl, objects: readonly object[], ...options: string[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: "v1", kind: "List", items: objects });
  const { code, stderr } = await kubectl.withInput(list, "apply", "-f", "-", ...options);
  if (code !== 0) throw new Error(stderr);
}

/** The condition Ready of the object's newest generation, as "True", "False Reason" or "Unknown Reason". */
export async function readiness(kubectl: Kubectl, ...words: string[]): Promise<string> {
  const { metadata, status } = await show(kubectl, ...words);
  if (status?.observedGeneration !== metadata.generation) return "not observed";
  const { status: value = "", reason } = status.conditions?.find(({ type }) => type === "Ready") ?? {};
  return reason === undefined ? value : `${value} ${reason}`;
}

/** Waits for all of them, such as `trigger/a`. */
export async function waitReady(kubectl: Kubectl, ...names: string[]): Promise<void> {
  for (const name of names) {
    await eventually(async () => (await readiness(kubectl, name)) === "True", 30_000, `${name} Ready`);
  }
}

/** An event to send; whatever is left out is the usual. */
export interface SentEvent {
  readonly id?: string;
  readonly type?: string;
  /** More headers. A value `undefined` takes a header away. */
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string;
  readonly method?: string;
}

let sequence = 0;

/** Posts an event in binary form to an address of the cluster, from this machine by the cluster-local gateway. */
export function send(cluster: Cluster, address: string, event: SentEvent = {}): Promise<HttpAnswer> {
  const { host, pathname } = new URL(address);
  sequence += 1;
  const all = {
    "content-type": "text/plain",
    "ce-specversion": "1.0",
    "ce-id": event.id ?? `event-${sequence}`,
    "ce-source": "/e2e",
    "ce-type": event.type ?? "e2e.event",
    ...event.headers,
  };
  const headers = Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  const { method = "POST", body = "data" } = event;
  const port = cluster.own?.localPort ?? 0;
  return call({ port, host, path: pathname, method, headers, ...(method === "POST" ? { body } : {}) });
}

/** Posts an event and expects it to be kept. */
export async function sendKept(cluster: Cluster, address: string, event: SentEvent = {}): Promise<void> {
  const { status, body } = await send(cluster, address, event);
  if (status !== 202) throw new Error(`${address} answered ${status}: ${body}`);
}

/** What the recorder got, at one of its paths or in all. */
export async function recorded(cluster: Cluster, path?: string): Promise<readonly Recorded[]> {
  const events = JSON.parse((await askRecorder(cluster, "/events")).body) as Recorded[];
  return path === undefined ? events : events.filter((event) => event.path === path);
}

/** Makes the recorder take what it refused with `until`. */
export async function openRecorder(cluster: Cluster, key: string): Promise<void> {
  await askRecorder(cluster, `/open?key=${key}`);
}

function askRecorder({ gateway, domain }: Cluster, path: string): Promise<HttpAnswer> {
  return call({ address: gateway.host, port: gateway.port, host: `recorder.default.${domain}`, path });
}

/** Waits until the recorder has got that many at a path, and gives them. */
export function receive(cluster: Cluster, path: string, count = 1): Promise<readonly Recorded[]> {
  return eventually(
    async () => {
      const events = await recorded(cluster, path);
      return events.length >= count ? events : undefined;
    },
    30_000,
    `${count} events at ${path}`,
  );
}
