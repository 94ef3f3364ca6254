import { labels as labelKeys, userContainerName, userPortDefault, userPortName } from "@kelvin/api/serving/v1/kinds";
import type { Pod } from "@kelvin/kube";
import { socketAddress } from "../routing/plain-services.ts";

type Container = NonNullable<Pod["spec"]>["containers"][number];
type Probe = NonNullable<Container["readinessProbe"]>;

/** Pods of revisions carry this label. */
export const revisionLabel = labelKeys.revision;

/** What is asked of a container: an HTTP GET, or a TCP connection. */
export interface ProbeTarget {
  readonly kind: "http" | "tcp";
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** How a container that is not Ready yet may be asked whether it serves. */
export interface EarlyProbe extends ProbeTarget {
  /** One start of one container; a restart is another instance and starts unproven. */
  readonly containerId: string;
  readonly startedAt: string;
  readonly initialDelayMs: number;
  readonly successesNeeded: number;
  readonly timeoutMs: number;
}

/** All that the request path knows of a Pod. */
export interface PodFacts {
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly revision: string;
  /** `ip:port` of the user container; undefined until it has an address, and once it is over. */
  readonly address: string | undefined;
  readonly isReady: boolean;
  readonly isTerminating: boolean;
  /** Changes when the user container is started anew; "" while it does not run. */
  readonly containerId: string;
  /** Undefined where only kubelet can tell. */
  readonly earlyProbe: EarlyProbe | undefined;
}

/** Keeps of a Pod what `podFacts` reads: memory, and no environment of users in this process. */
export function trimPod(pod: Pod): Pod {
  const { name, namespace, uid, resourceVersion, deletionTimestamp, labels } = pod.metadata;
  const revision = labels?.[labelKeys.revision];
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
      ...(revision === undefined ? {} : { labels: { [labelKeys.revision]: revision } }),
    },
    ...(pod.spec === undefined ? {} : { spec: trimSpec(pod.spec) }),
    ...(pod.status === undefined ? {} : { status: trimStatus(pod.status) }),
  };
}

function trimSpec(spec: NonNullable<Pod["spec"]>): NonNullable<Pod["spec"]> {
  return {
    containers: spec.containers.map(trimContainer),
    ...(spec.initContainers === undefined ? {} : { initContainers: spec.initContainers.map(trimContainer) }),
    ...(spec.readinessGates === undefined ? {} : { readinessGates: spec.readinessGates }),
  };
}

function trimContainer(container: Container): Container {
  const { name, ports, readinessProbe, startupProbe } = container;
  return {
    name,
    ...(ports === undefined ? {} : { ports }),
    ...(readinessProbe === undefined ? {} : { readinessProbe }),
    ...(startupProbe === undefined ? {} : { startupProbe }),
  };
}

function trimStatus(status: NonNullable<Pod["status"]>): NonNullable<Pod["status"]> {
  const { phase, podIP, conditions, containerStatuses } = status;
  return {
    ...(phase === undefined ? {} : { phase }),
    ...(podIP === undefined ? {} : { podIP }),
    conditions: (conditions ?? []).filter((condition) => condition.type === "Ready"),
    containerStatuses: (containerStatuses ?? []).map((container) => ({
      name: container.name,
      image: "",
      imageID: "",
      ready: container.ready,
      restartCount: container.restartCount,
      ...(container.containerID === undefined ? {} : { containerID: container.containerID }),
      ...(container.state?.running === undefined ? {} : { state: { running: container.state.running } }),
    })),
  };
}

export function podFacts(pod: Pod): PodFacts {
  const { metadata } = pod;
  const user = userContainer(pod);
  const place = placeOf(pod, user);
  return {
    ...identityOf(metadata),
    address: place === undefined ? undefined : socketAddress(place.ip, place.port),
    isReady: (pod.status?.conditions ?? []).some(({ type, status }) => type === "Ready" && status === "True"),
    isTerminating: metadata.deletionTimestamp !== undefined,
    containerId: runningInstance(pod, user)?.id ?? "",
    earlyProbe: place === undefined || user === undefined ? undefined : earlyProbe(pod, user, place),
  };
}

function identityOf({
  uid = "",
  name = "",
  namespace = "",
  labels,
}: Pod["metadata"]): Pick<PodFacts, "uid" | "name" | "namespace" | "revision"> {
  return { uid, name, namespace, revision: labels?.[revisionLabel] ?? "" };
}

interface Place {
  readonly ip: string;
  readonly port: number;
}

/** Where the user container listens; undefined before the Pod has an address, and once it is over. */
function placeOf(pod: Pod, user: Container | undefined): Place | undefined {
  const { phase, podIP: ip = "" } = pod.status ?? {};
  if (ip === "" || phase === "Succeeded" || phase === "Failed") return undefined;
  const ports = user?.ports ?? [];
  const named = ports.find((port) => port.name === userPortName) ?? ports[0];
  return { ip, port: named?.containerPort ?? userPortDefault };
}

function userContainer(pod: Pod): Container | undefined {
  const containers = pod.spec?.containers ?? [];
  return (
    containers.find((container) => container.ports?.some((port) => port.name === userPortName) === true) ??
    containers.find((container) => container.name === userContainerName) ??
    containers[0]
  );
}

function runningInstance(pod: Pod, container: Container | undefined): { id: string; startedAt: string } | undefined {
  const status = pod.status?.containerStatuses?.find(({ name }) => name === container?.name);
  if (status?.state?.running === undefined || status.containerID === undefined) return undefined;
  return { id: status.containerID, startedAt: status.state.running.startedAt ?? "" };
}

function earlyProbe(pod: Pod, user: Container, place: Place): EarlyProbe | undefined {
  const instance = runningInstance(pod, user);
  const target = probeTarget(user, place);
  if (instance === undefined || target === undefined || !canOpenEarly(pod, user)) return undefined;
  const { initialDelaySeconds = 0, successThreshold = 1, timeoutSeconds = 1 } = user.readinessProbe ?? {};
  return {
    ...target,
    containerId: instance.id,
    startedAt: instance.startedAt,
    initialDelayMs: initialDelaySeconds * 1_000,
    successesNeeded: successThreshold,
    timeoutMs: timeoutSeconds * 1_000,
  };
}

/** Whatever kubelet asks besides one simple probe, we cannot ask in its place. */
function canOpenEarly({ spec, ...pod }: Pod, user: Container): boolean {
  const containers = spec?.containers ?? [];
  if ((spec?.readinessGates ?? []).length > 0) return false;
  for (const container of [...containers, ...(spec?.initContainers ?? [])]) {
    if (container.startupProbe !== undefined) return false;
    if (container.readinessProbe !== undefined && container !== user) return false;
  }
  return containers.every((container) => runningInstance(pod, container) !== undefined);
}

function probeTarget(user: Container, place: Place): ProbeTarget | undefined {
  const probe: Probe = user.readinessProbe ?? {};
  if (probe.exec !== undefined || probe.grpc !== undefined) return undefined;
  return probe.httpGet === undefined ? tcpTarget(user, place, probe.tcpSocket) : httpTarget(user, place, probe.httpGet);
}

/** Another host than the pod's is not ours to judge. */
function tcpTarget(user: Container, { ip, port }: Place, asked: Probe["tcpSocket"]): ProbeTarget | undefined {
  if (isOtherHost(asked?.host)) return undefined;
  return { kind: "tcp", host: ip, port: resolvePort(user, asked?.port, port), path: "", headers: {} };
}

function httpTarget(
  user: Container,
  { ip, port }: Place,
  asked: NonNullable<Probe["httpGet"]>,
): ProbeTarget | undefined {
  if (isOtherHost(asked.host) || asked.scheme === "HTTPS") return undefined;
  const headers = Object.fromEntries((asked.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  return { kind: "http", host: ip, port: resolvePort(user, asked.port, port), path: asked.path ?? "/", headers };
}

function isOtherHost(host: string | undefined): boolean {
  return host !== undefined && host !== "";
}

function resolvePort(user: Container, port: number | string | undefined, portDefault: number): number {
  const wanted = user.ports?.find((candidate) => candidate.name === port)?.containerPort ?? Number(port);
  return Number.isInteger(wanted) && wanted > 0 ? wanted : portDefault;
}
