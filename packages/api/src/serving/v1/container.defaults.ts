import type { FeaturesConfig } from "../config/features-config.ts";
import type { ResourceDefaults } from "../config/defaults-config.ts";
import type { Container, Probe } from "./container.types.ts";
import type { AdmissionConfig } from "./context.ts";
import type { RevisionSpec } from "./revision.types.ts";
import type { Volume } from "./volume.types.ts";

/** Fills in one container of a spec, in place. */
export function defaultContainer(container: Container, spec: RevisionSpec, config: AdmissionConfig): void {
  defaultResources(container, config);
  if (isServing(container, spec)) defaultReadinessProbe(container);
  else if (config.features.multiContainerProbing !== "Disabled") fillReadinessProbe(container.readinessProbe);
  fillKubernetesProbe(container.livenessProbe);
  fillKubernetesProbe(container.startupProbe);
  defaultVolumeMounts(container, spec.volumes ?? []);
  defaultSecurityContext(container, spec, config.features);
}

/** Fills in one init container of a spec, in place. It has no probes, and may write to its volumes. */
export function defaultInitContainer(container: Container, spec: RevisionSpec, config: AdmissionConfig): void {
  defaultResources(container, config);
  defaultSecurityContext(container, spec, config.features);
}

/** Whether requests go to this container: the only one, or the one that has a port. */
export function isServing(container: Container, spec: RevisionSpec): boolean {
  return spec.containers?.length === 1 || (container.ports ?? []).length > 0;
}

function defaultResources(container: Container, { defaults }: AdmissionConfig): void {
  const resources = (container.resources ??= {});
  const requests = withDefaults(resources.requests, defaults.requests);
  const limits = withDefaults(resources.limits, defaults.limits);
  if (requests !== undefined) resources.requests = requests;
  if (limits !== undefined) resources.limits = limits;
}

function withDefaults(
  given: Record<string, number | string> | undefined,
  defaults: ResourceDefaults,
): Record<string, number | string> | undefined {
  if (given === undefined && Object.keys(defaults).length === 0) return undefined;
  return { ...(defaults as Record<string, string>), ...given };
}

// A probe without a handler opens a connection to the container's port, whichever that will be: port 0 stands for it.
function defaultReadinessProbe(container: Container): void {
  const probe = (container.readinessProbe ??= {});
  if (handlerCount(probe) === 0) probe.tcpSocket = { port: 0 };
  fillReadinessProbe(probe);
}

function handlerCount({ exec, grpc, httpGet, tcpSocket }: Probe): number {
  return [exec, grpc, httpGet, tcpSocket].filter((handler) => handler !== undefined).length;
}

function fillReadinessProbe(probe: Probe | undefined): void {
  if (probe === undefined) return;
  if (probe.grpc !== undefined) probe.grpc.service ??= "";
  fill(probe, { successThreshold: 1 });
  // A period of 0 leaves the timing to us; whoever sets one gets Kubernetes' own defaults with it.
  if ((probe.periodSeconds ?? 0) !== 0) fill(probe, { failureThreshold: 3, timeoutSeconds: 1 });
}

function fillKubernetesProbe(probe: Probe | undefined): void {
  if (probe === undefined) return;
  if (probe.grpc !== undefined) probe.grpc.service ??= "";
  fill(probe, { successThreshold: 1, failureThreshold: 3, timeoutSeconds: 1, periodSeconds: 10 });
}

type ProbeTiming = "successThreshold" | "failureThreshold" | "timeoutSeconds" | "periodSeconds";

function fill(probe: Probe, timings: Partial<Record<ProbeTiming, number>>): void {
  for (const [key, value] of Object.entries(timings) as [ProbeTiming, number][]) {
    if ((probe[key] ?? 0) === 0) probe[key] = value;
  }
}

function defaultVolumeMounts(container: Container, volumes: Volume[]): void {
  const writable = new Set(volumes.filter(isWritable).map(({ name }) => name));
  for (const mount of container.volumeMounts ?? []) {
    if (!writable.has(mount.name)) mount.readOnly = true;
  }
}

/** Whether a volume is of a type that may be written to. */
export function isWritable({ emptyDir, persistentVolumeClaim, ephemeral }: Volume): boolean {
  return emptyDir !== undefined || persistentVolumeClaim !== undefined || ephemeral !== undefined;
}

// What the author says, even an empty list, is never overruled.
function defaultSecurityContext(
  container: Container,
  { securityContext: pod }: RevisionSpec,
  { securePodDefaults }: FeaturesConfig,
): void {
  if (securePodDefaults === "Disabled") return;
  const context = (container.securityContext ??= {});
  context.allowPrivilegeEscalation ??= false;
  if (context.seccompProfile === undefined && pod?.seccompProfile === undefined) {
    context.seccompProfile = { type: "RuntimeDefault" };
  }
  context.capabilities ??= leastCapabilities(container);
  if (securePodDefaults === "Enabled" && pod?.runAsNonRoot === undefined) context.runAsNonRoot ??= true;
}

function leastCapabilities({ ports = [] }: Container): { drop: string[]; add?: string[] } {
  const needsLowPort = ports.some(({ containerPort = 1024 }) => containerPort < 1024);
  return needsLowPort ? { drop: ["ALL"], add: ["NET_BIND_SERVICE"] } : { drop: ["ALL"] };
}
