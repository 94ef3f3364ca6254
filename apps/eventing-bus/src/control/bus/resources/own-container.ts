import type { BusContainer } from "@kelvin/api/channels/v1alpha1/kinds";
import type { Pod } from "@kelvin/kube";
import type { BusPlace } from "../bus-place.ts";
import { httpPort, internalPort } from "./ports.ts";

/** A container of a Pod. */
export type Container = NonNullable<Pod["spec"]>["containers"][number];
type EnvEntry = NonNullable<Container["env"]>[number];
type Port = NonNullable<Container["ports"]>[number];

/** What runs in a bus of Kelvin's own. */
export interface OwnProgram {
  /** Such as `kafka`. */
  readonly kind: string;
  readonly image: string;
  /** Where Kelvin runs. */
  readonly systemNamespace: string;
}

/**
 * The dispatcher of a bus of Kelvin's own: env, mounts, resources and security of the Bus stay as they are, and what it needs is
 * added unless it is there. What 2018's YAML gave its own program (`-logtostderr`) says nothing to ours. Pure.
 */
export function makeOwnContainer(
  given: BusContainer,
  place: BusPlace,
  { kind, image, systemNamespace }: OwnProgram,
): Container {
  const { args: _args, command: _command, ...kept } = given as Partial<Container>;
  const env: EnvEntry[] = [
    { name: "ROLE", value: "bus" },
    { name: "BUS_NAME", value: place.name },
    { name: "BUS_NAMESPACE", value: place.busNamespace },
    { name: "BUS_KIND", value: kind },
    { name: "PORT", value: String(httpPort) },
    { name: "SYSTEM_NAMESPACE", value: systemNamespace },
    { name: "POD_NAME", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
    { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
  ];
  const ports: Port[] = [
    { name: "http", containerPort: httpPort, protocol: "TCP" },
    { name: "internal", containerPort: internalPort, protocol: "TCP" },
  ];
  return {
    readinessProbe: { httpGet: { path: "/readyz", port: internalPort }, periodSeconds: 2 },
    livenessProbe: { httpGet: { path: "/healthz", port: internalPort }, periodSeconds: 10, failureThreshold: 6 },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ["ALL"] },
    },
    ...kept,
    name: kept.name ?? "dispatcher",
    image,
    env: withMissing(kept.env, env, ({ name }) => name),
    ports: withMissing(kept.ports, ports, ({ containerPort }) => String(containerPort)),
  };
}

/** A third party's container, as it is written, told who it is as v0.1 told it. Pure. */
export function makeThirdPartyContainer(given: BusContainer, place: BusPlace, defaultName: string): Container {
  const kept = given as Partial<Container>;
  const env: EnvEntry[] = [
    { name: "PORT", value: String(httpPort) },
    { name: "BUS_NAMESPACE", value: place.busNamespace },
    { name: "BUS_NAME", value: place.name },
  ];
  // v0.1 put them last, so they held.
  return { ...kept, name: kept.name ?? defaultName, env: withMissing(env, kept.env ?? [], ({ name }) => name) };
}

/** All of the first, and of the second what the first has nothing like. */
function withMissing<T>(first: readonly T[] = [], second: readonly T[], nameOf: (entry: T) => string): T[] {
  const names = new Set(first.map(nameOf));
  return [...first, ...second.filter((entry) => !names.has(nameOf(entry)))];
}
