import { childName } from "@kelvin/api";

// Not imported: an ES import of node:crypto evaluates its lazy exports, Web Crypto among them (40 ms and 10 MB).
const { hash } = process.getBuiltinModule("node:crypto");

/** An object as the bus knows it: by kind and name, whatever its uid. */
export interface ObjectName {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

/** The namespaced name alone. */
export type NamespacedName = Pick<ObjectName, "namespace" | "name">;

/** The namespace that buses run in, unless the environment says otherwise. */
export const systemNamespaceDefault = "knative-eventing";

/** Labels of a bus's Pods. */
export const busLabels = {
  bus: "bus",
  /** Of a Bus only: a ClusterBus has no namespace. */
  busNamespace: "busNamespace",
  role: "role",
  dispatcher: "dispatcher",
  provisioner: "provisioner",
  /** Which of Kelvin's own it is, such as `stub`. A third party's Pods do not have it: they tell nobody what they serve. */
  kind: "kelvin.dev/bus",
} as const;

/** What a bus is known by everywhere: a ClusterBus by its name, a Bus by `namespace/name`. */
export function busId(name: string, namespace = ""): string {
  return namespace === "" ? name : `${namespace}/${name}`;
}

/** Whether an id is a ClusterBus's. Only those serve Brokers and the channels of messaging.knative.dev. */
export function isClusterBusId(bus: string): boolean {
  return !bus.includes("/");
}

/** The Service in front of a bus's Pods. */
export function busServiceName(bus: string): string {
  return `${bus}-clusterbus`;
}

/** The bus in memory, which has Services of Knative's names besides its own. */
export const stubBus = "stub";
const BROKER_INGRESS = "broker-ingress";
const CHANNEL_DISPATCHER = "imc-dispatcher";
const CLUSTER_SUFFIX = "svc.cluster.local";

/** Where a Broker takes events. */
export function brokerUrl(bus: string, broker: NamespacedName, systemNamespace: string): string {
  const service = bus === stubBus ? BROKER_INGRESS : busServiceName(bus);
  return `http://${service}.${systemNamespace}.${CLUSTER_SUFFIX}/${broker.namespace}/${broker.name}`;
}

/** The Service of a channel: an alias of its bus's, owned by the channel. A long name is cut and gets a hash, as in Knative. */
export function channelServiceName(channel: string): string {
  return childName(channel, "-kn-channel");
}

/** The name of a Service in the cluster, as others say it. */
export function serviceHost({ namespace, name }: NamespacedName): string {
  return `${name}.${namespace}.${CLUSTER_SUFFIX}`;
}

/** What the Service of a channel is an alias of (`spec.externalName`). */
export function channelServiceTarget(bus: string, systemNamespace: string): string {
  return `${bus === stubBus ? CHANNEL_DISPATCHER : busServiceName(bus)}.${systemNamespace}.${CLUSTER_SUFFIX}`;
}

/** Where a channel takes events. */
export function channelUrl(channel: NamespacedName): string {
  return `http://${channelHosts(channel)[0]}`;
}

/** The Host headers that mean a channel, without port; the first is the one in its address. */
export function channelHosts({ namespace, name }: NamespacedName): readonly [string, string] {
  const short = `${channelServiceName(name)}.${namespace}.svc`;
  return [`${short}.cluster.local`, short];
}

/** The Service of a channel of the founding kind, as v0.1 called it. A long name is cut and gets a hash. */
export function busChannelServiceName(channel: string): string {
  return childName(channel, "-channel");
}

/**
 * The Host headers that mean a channel of the founding kind, without port: that of its Service, which is the one in its status,
 * the same without the cluster's domain, and the one that v0.1's mesh rewrote it to. None is another channel's, though one may be
 * called `x` and another `x-channel`: what follows the namespace tells which form it is.
 */
export function busChannelHosts({ namespace, name }: NamespacedName): readonly [string, string, string] {
  const short = `${busChannelServiceName(name)}.${namespace}.svc`;
  return [`${short}.cluster.local`, short, `${name}.${namespace}.channels.cluster.local`];
}

/** Whether a request to this host that names an object by its path means a channel; any other host means a Broker. */
export function isChannelHost(host: string): boolean {
  return host.startsWith(CHANNEL_DISPATCHER);
}

const READABLE_MAX = 80;

/**
 * The name at the bus of a stream's log or of a consumer: the same for the next object of the same name, and never the
 * same for two names. Names joined by dashes collide, and Kubernetes' may hold dots, so it carries a hash.
 */
export function busName({ kind, namespace, name }: ObjectName): string {
  const readable = `${kind.toLowerCase()}_${namespace}_${name}`.replace(/[^A-Za-z0-9_-]/g, "_").slice(0, READABLE_MAX);
  return `${readable}_${hash("sha256", `${kind}/${namespace}/${name}`).slice(0, 10)}`;
}
