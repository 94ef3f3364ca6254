import {
  labels,
  userPortDefault,
  userPortName,
  type Container,
  type Probe,
  type Revision,
} from "@kelvin/api/serving/v1";
import type { Deployment } from "@kelvin/kube";

/** A PodSpec as Kubernetes takes it. */
export type WirePodSpec = NonNullable<NonNullable<Deployment["spec"]>["template"]["spec"]>;
type WireContainer = WirePodSpec["containers"][number];
type WireProbe = NonNullable<WireContainer["readinessProbe"]>;

/** Covers a deletion's way to the activators: until they have seen it, they still send requests to the pod. */
const preStopSleepSeconds = 5;

/** The container that receives the requests: the only one, or the one with a port. */
export function servingContainerOf(revision: Revision): Container | undefined {
  const containers = revision.spec.containers ?? [];
  return containers.length === 1 ? containers[0] : containers.find(({ ports }) => (ports ?? []).length > 0);
}

/** The port that the application listens on. */
export function userPortOf(revision: Revision): number {
  return servingContainerOf(revision)?.ports?.[0]?.containerPort ?? userPortDefault;
}

/** `h2c` when the port's name says so. */
export function protocolOf(revision: Revision): "http1" | "h2c" {
  return servingContainerOf(revision)?.ports?.[0]?.name === "h2c" ? "h2c" : "http1";
}

/** One of the user's containers as it runs: by digest, with Knative's environment, port, probes and a drain before its end. */
export function makeContainer(container: Container, revision: Revision): WireContainer {
  const isServing = container === servingContainerOf(revision);
  const port = userPortOf(revision);
  return {
    ...makeInitContainer(container, revision),
    env: [
      ...userEnv(container),
      ...(isServing ? [{ name: "PORT", value: String(port) }] : []),
      ...knativeEnv(revision),
    ],
    ...(isServing ? { ports: [{ name: userPortName, containerPort: port, protocol: "TCP" }] } : {}),
    ...makeProbes(container, isServing ? port : undefined),
    lifecycle: { preStop: { sleep: { seconds: preStopSleepSeconds } } },
    terminationMessagePolicy: container.terminationMessagePolicy ?? "FallbackToLogsOnError",
  };
}

/** What init containers and containers have in common. */
export function makeInitContainer(container: Container, revision: Revision): WireContainer {
  const {
    name = "",
    resources,
    ports: _ports,
    readinessProbe: _r,
    livenessProbe: _l,
    startupProbe: _s,
    ...rest
  } = container;
  const statuses = [...(revision.status?.containerStatuses ?? []), ...(revision.status?.initContainerStatuses ?? [])];
  const digest = statuses.find((status) => status.name === name)?.imageDigest;
  return {
    ...(rest as Partial<WireContainer>),
    name,
    image: digest ?? container.image ?? "",
    env: [...userEnv(container), ...knativeEnv(revision)],
    ...(resources === undefined ? {} : { resources: makeResources(resources) }),
  };
}

function userEnv(container: Container): NonNullable<WireContainer["env"]> {
  return (container.env ?? []) as NonNullable<WireContainer["env"]>;
}

function knativeEnv(revision: Revision): { name: string; value: string }[] {
  const own = revision.metadata.labels ?? {};
  return [
    { name: "K_REVISION", value: revision.metadata.name ?? "" },
    { name: "K_CONFIGURATION", value: own[labels.configuration] ?? "" },
    { name: "K_SERVICE", value: own[labels.service] ?? "" },
  ];
}

function makeProbes(container: Container, port: number | undefined): Partial<WireContainer> {
  const { readinessProbe, livenessProbe, startupProbe } = container;
  return {
    ...(readinessProbe === undefined ? {} : { readinessProbe: withEverySecond(withPort(readinessProbe, port)) }),
    ...(livenessProbe === undefined ? {} : { livenessProbe: withPort(livenessProbe, port) }),
    ...(startupProbe === undefined ? {} : { startupProbe: withPort(startupProbe, port) }),
  };
}

/** Knative's "as fast as you can" is a period of 0, which Kubernetes would read as 10 seconds. */
function withEverySecond(probe: WireProbe): WireProbe {
  const { periodSeconds = 0 } = probe;
  return periodSeconds === 0 ? { ...probe, periodSeconds: 1 } : probe;
}

function withPort(probe: Probe, port: number | undefined): WireProbe {
  const { httpGet, tcpSocket, grpc, ...rest } = probe;
  return {
    ...rest,
    ...(httpGet === undefined ? {} : { httpGet: { ...httpGet, port: orPort(httpGet.port, port) } }),
    ...(tcpSocket === undefined ? {} : { tcpSocket: { ...tcpSocket, port: orPort(tcpSocket.port, port) } }),
    ...(grpc === undefined ? {} : { grpc: { ...grpc, port: Number(orPort(grpc.port, port)) } }),
  };
}

function orPort(given: number | string | undefined, port: number | undefined): number | string {
  return given === undefined || given === 0 || given === "" ? (port ?? userPortDefault) : given;
}

function makeResources(resources: NonNullable<Container["resources"]>): NonNullable<WireContainer["resources"]> {
  return {
    ...(resources.requests === undefined ? {} : { requests: toQuantities(resources.requests) }),
    ...(resources.limits === undefined ? {} : { limits: toQuantities(resources.limits) }),
  };
}

function toQuantities(amounts: Readonly<Record<string, number | string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(amounts).map(([name, amount]) => [name, String(amount)]));
}
