import { StartError, UsageError } from "../../usage-error.ts";
import type { HostServices } from "../outside.ts";
import { type BusName, busNames, type BusPlace, type BusSettings, type ChosenBus, type Environment } from "./bus.ts";
import { chooseGcpPubSub } from "./gcppubsub.ts";
import { chooseKafka } from "./kafka.ts";
import { chooseNats } from "./nats.ts";
import { chooseStub } from "./stub.ts";

/** Each bus there is: how the environment says where its broker is. */
const choices: Readonly<Record<BusName, (environment: Environment) => ChosenBus>> = {
  stub: chooseStub,
  nats: chooseNats,
  kafka: chooseKafka,
  gcppubsub: chooseGcpPubSub,
};

/** Reads "kafka" or "stub,nats,kafka". The first is the default of Brokers and Channels. @throws UsageError */
export function parseBuses(text: string, environment: Environment): ChosenBus[] {
  const names = text.split(",").map((part) => part.trim());
  const unknown = names.find((name) => !busNames.some((known) => known === name));
  if (unknown !== undefined) throw new UsageError(`--bus "${unknown}" is not one of ${busNames.join(", ")}`);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  if (twice !== undefined) throw new UsageError(`--bus names ${twice} twice`);
  return names.map((name) => choices[name as BusName](environment));
}

/** What a start needs to know of all its buses. */
export interface OpenBuses {
  /** In the order that they were asked for; the bus in memory is there whether it was or not. */
  readonly names: readonly BusName[];
  readonly settings: ReadonlyMap<BusName, readonly BusSettings[]>;
  readonly hostServices: HostServices;
  readonly ports: readonly number[];
  /** Resolves when every broker that we have started takes requests. Rejects with a StartError. */
  readonly ready: Promise<unknown>;
  close(): Promise<void>;
}

/** Finds or starts what the chosen buses need on this machine, side by side. @throws StartError with the remedy. */
export async function openBuses(chosen: readonly ChosenBus[], place: BusPlace): Promise<OpenBuses> {
  const results = await Promise.allSettled(chosen.map((bus) => bus.open(place)));
  const opened = results.flatMap((result) => (result.status === "fulfilled" ? [result.value] : []));
  const close = async (): Promise<void> => {
    await Promise.all(opened.map((bus) => bus.close()));
  };
  try {
    for (const result of results) if (result.status === "rejected") throw result.reason;
    const ready = Promise.all(opened.map((bus) => bus.ready));
    // Asked for only once the cluster is up.
    ready.catch(() => undefined);
    return {
      names: chosen.map(({ name }) => name),
      settings: new Map(chosen.map(({ name }, index) => [name, opened[index]?.settings ?? []])),
      hostServices: joinServices(opened.map(({ hostServices }) => hostServices)),
      ports: opened.flatMap(({ ports }) => ports),
      ready,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

function joinServices(all: readonly HostServices[]): HostServices {
  const entries = all.flatMap((services) => [...services]);
  const ports = entries.map(([port]) => port);
  const twice = ports.find((port, index) => ports.indexOf(port) < index);
  if (twice === undefined) return new Map(entries);
  throw new StartError(`two brokers on this machine's loopback are to be reached by port ${twice}; move one of them`);
}

/** @throws UsageError where Pods could not reach a broker. */
export function requireWayOut(start: {
  readonly buses: readonly ChosenBus[];
  readonly egress: string;
  readonly network: string;
}): void {
  for (const { name, elsewhere } of start.buses.filter((bus) => bus.name !== "stub")) {
    if (start.egress === "off") {
      throw new UsageError(`--bus ${name}: Pods reach its broker by the way out, which --egress off closes`);
    }
    if (start.network === "loopback" && elsewhere !== undefined) {
      throw new UsageError(
        `--bus ${name}: on --network loopback Pods do not reach a broker on this machine's loopback. Let it listen on ` +
          `another address of this machine, and name that: ${elsewhere}`,
      );
    }
  }
}
