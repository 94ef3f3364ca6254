import { labels as labelKeys, userContainerName, userPortDefault, userPortName } from "@kelvin/api/serving/v1";
import type { Pod } from "@kelvin/kube";
import { socketAddress } from "../routing/plain-services.ts";

type Container = NonNullable<Pod["spec"]>["containers"][number];
type Probe = NonNullable<Container["readinessProbe"]>;

/** Pods of revisions carry this label. */
export const revisionLabel = labelKeys.revision;

/** How a container that is not Ready yet may be asked whether it serves. */
export interface EarlyProbe {
  /** One start of one container; a restart is another instance and starts unproven. */
  readonly containerId: string;
  readonly startedAt: string;
  readonly kind: "http" | "tcp";
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
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
  const { uid = "", name = "", namespace = "", labels, deletionTimestamp } = pod.metadata;
  const phase = pod.status?.phase;
  const ip = pod.status?.podIP;
  const isOver = phase === "Succeeded" || phase === "Failed";
  const user = userContainer(pod);
  const instance = pod.status?.containerStatuses?.find((container) => container.name === user?.name);
  return {
    uid,
    name,
    namespace,
    revision: labels?.[labelKeys.revision] ?? "",
    address: ip === undefined || ip === "" || isOver ? undefined : socketAddress(ip, userPort(pod)),
    isReady: (pod.status?.conditions ?? []).some(
      (condition) => condition.type === "Ready" && condition.status === "True",
    ),
    isTerminating: deletionTimestamp !== undefined,
    containerId: instance?.state?.running === undefined ? "" : (instance.containerID ?? ""),
    earlyProbe: isOver ? undefined : earlyProbe(pod),
  };
}

function userContainer(pod: Pod): Container | undefined {
  const containers = pod.spec?.containers ?? [];
  return (
    containers.find((container) => container.ports?.some((port) => port.name === userPortName) === true) ??
    containers.find((container) => container.name === userContainerName) ??
    containers[0]
  );
}

function userPort(pod: Pod): number {
  const ports = userContainer(pod)?.ports ?? [];
  const named = ports.find((port) => port.name === userPortName) ?? ports[0];
  return named?.containerPort ?? userPortDefault;
}

/** Guards first: whatever kubelet would ask besides one simple probe, we cannot ask. */
function earlyProbe(pod: Pod): EarlyProbe | undefined {
  const user = userContainer(pod);
  const ip = pod.status?.podIP;
  if (user === undefined || ip === undefined || ip === "") return undefined;
  if ((pod.spec?.readinessGates ?? []).length > 0) return undefined;
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  if (containers.some((container) => container.startupProbe !== undefined)) return undefined;
  if (containers.some((container) => container.readinessProbe !== undefined && container !== user)) return undefined;

  const statuses = pod.status?.containerStatuses ?? [];
  const areAllRunning = (pod.spec?.containers ?? []).every((container) =>
    statuses.some((status) => status.name === container.name && status.state?.running !== undefined),
  );
  const instance = statuses.find((status) => status.name === user.name);
  if (!areAllRunning || instance?.containerID === undefined) return undefined;
  const target = probeTarget(user, ip, userPort(pod));
  if (target === undefined) return undefined;
  return {
    ...target,
    containerId: instance.containerID,
    startedAt: instance.state?.running?.startedAt ?? "",
    initialDelayMs: (user.readinessProbe?.initialDelaySeconds ?? 0) * 1_000,
    successesNeeded: user.readinessProbe?.successThreshold ?? 1,
    timeoutMs: (user.readinessProbe?.timeoutSeconds ?? 1) * 1_000,
  };
}

type ProbeTarget = Pick<EarlyProbe, "kind" | "host" | "port" | "path" | "headers">;

function probeTarget(user: Container, ip: string, portDefault: number): ProbeTarget | undefined {
  const probe: Probe = user.readinessProbe ?? {};
  if (probe.exec !== undefined || probe.grpc !== undefined) return undefined;
  const get = probe.httpGet;
  if (get === undefined) {
    const host = probe.tcpSocket?.host;
    if (host !== undefined && host !== "") return undefined;
    return {
      kind: "tcp",
      host: ip,
      port: resolvePort(user, probe.tcpSocket?.port, portDefault),
      path: "",
      headers: {},
    };
  }
  if ((get.host !== undefined && get.host !== "") || get.scheme === "HTTPS") return undefined;
  const headers = Object.fromEntries((get.httpHeaders ?? []).map(({ name, value }) => [name, value]));
  const port = resolvePort(user, get.port, portDefault);
  return { kind: "http", host: ip, port, path: get.path ?? "/", headers };
}

function resolvePort(user: Container, port: number | string | undefined, portDefault: number): number {
  const wanted = user.ports?.find((candidate) => candidate.name === port)?.containerPort ?? Number(port);
  return Number.isInteger(wanted) && wanted > 0 ? wanted : portDefault;
}
