import type { Pod } from "@kelvin/kube";
import { parseQuantity } from "./quantity.ts";

/** What a pod asks of a node, or what pods together hold of one. */
export interface Demand {
  /** By resource: cpu in thousandths of a core, all others in whole units; `pods` is 1 for each pod. */
  readonly amounts: Readonly<Record<string, number>>;
  readonly hostPorts: readonly HostPort[];
}

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

export const noDemand: Demand = { amounts: {}, hostPorts: [] };

type Amounts = Record<string, number>;
type Quantities = Record<string, string> | undefined;

/** The quantity in the unit that sums are kept in: whole numbers, so that no sum is ever off by a fraction. */
export function amountOf(resource: string, quantity: string | number): number {
  const value = parseQuantity(quantity) * (resource === "cpu" ? 1000 : 1);
  // What is a whole number but for the arithmetic stays the same, all else is rounded up.
  return Math.ceil(Number(value.toPrecision(15)));
}

/**
 * What the pod asks for: its containers and sidecars together, or the hungriest moment while it starts, when one init
 * container runs beside the sidecars before it; and its overhead.
 * @throws TypeError when a request is no quantity.
 */
export function demandOf(pod: Pod): Demand {
  const { containers = [], initContainers = [], overhead } = pod.spec ?? {};
  let sidecars: Amounts = {};
  let starting: Amounts = {};
  for (const { resources, restartPolicy } of initContainers) {
    const own = amountsOf(resources?.requests ?? resources?.limits);
    const together = sum(sidecars, own);
    starting = larger(starting, together);
    if (restartPolicy === "Always") sidecars = together;
  }
  const running = containers.reduce<Amounts>(
    (total, { resources }) => sum(total, amountsOf(resources?.requests ?? resources?.limits)),
    sidecars,
  );
  const amounts = sum(larger(starting, running), amountsOf(overhead));
  return { amounts: { ...amounts, pods: 1 }, hostPorts: hostPortsOf(pod) };
}

function hostPortsOf({ spec }: Pod): HostPort[] {
  const ports = (spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  return ports.flatMap(({ hostIP = "", hostPort, protocol = "TCP" }) =>
    hostPort === undefined || hostPort === 0 ? [] : [{ ip: hostIP, protocol, port: hostPort }],
  );
}

export function addDemand(a: Demand, b: Demand): Demand {
  return { amounts: sum(a.amounts, b.amounts), hostPorts: [...a.hostPorts, ...b.hostPorts] };
}

function amountsOf(quantities: Quantities): Amounts {
  return Object.fromEntries(Object.entries(quantities ?? {}).map(([name, text]) => [name, amountOf(name, text)]));
}

function sum(a: Readonly<Amounts>, b: Readonly<Amounts>): Amounts {
  return combine(a, b, (x, y) => x + y);
}

function larger(a: Readonly<Amounts>, b: Readonly<Amounts>): Amounts {
  return combine(a, b, Math.max);
}

function combine(a: Readonly<Amounts>, b: Readonly<Amounts>, join: (x: number, y: number) => number): Amounts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, join(a[name] ?? 0, b[name] ?? 0)]));
}
