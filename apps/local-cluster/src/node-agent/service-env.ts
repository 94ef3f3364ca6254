import type { CoreService } from "@kelvin/kube";
import { hasClusterIp } from "../network/endpoints.ts";

/** The variables by which a Pod with `enableServiceLinks` finds the Services that were there before it. */
export function makeServiceEnv(services: readonly CoreService[]): Record<string, string> {
  return Object.fromEntries(services.filter(hasClusterIp).flatMap(linksOf));
}

function linksOf({ metadata, spec }: CoreService): [string, string][] {
  const prefix = variableName(metadata.name ?? "");
  const address = spec?.clusterIP ?? "";
  const ports = spec?.ports ?? [];
  const [first] = ports;
  if (first === undefined) return [];
  const named = ports.filter(({ name = "" }) => name !== "");
  return [
    [`${prefix}_SERVICE_HOST`, address],
    [`${prefix}_SERVICE_PORT`, String(first.port)],
    ...named.map(({ name = "", port }): [string, string] => [
      `${prefix}_SERVICE_PORT_${variableName(name)}`,
      String(port),
    ]),
    [`${prefix}_PORT`, urlOf(address, first)],
    ...ports.flatMap((port) => portLinks(prefix, address, port)),
  ];
}

type Port = NonNullable<NonNullable<CoreService["spec"]>["ports"]>[number];

/** The form in which Docker once linked containers. */
function portLinks(prefix: string, address: string, port: Port): [string, string][] {
  const protocol = port.protocol ?? "TCP";
  const name = `${prefix}_PORT_${port.port}_${protocol}`;
  return [
    [name, urlOf(address, port)],
    [`${name}_PROTO`, protocol.toLowerCase()],
    [`${name}_PORT`, String(port.port)],
    [`${name}_ADDR`, address],
  ];
}

function urlOf(address: string, { protocol = "TCP", port }: Port): string {
  return `${protocol.toLowerCase()}://${address}:${port}`;
}

function variableName(text: string): string {
  return text.toUpperCase().replaceAll("-", "_");
}
