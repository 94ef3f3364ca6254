import { UsageError } from "../usage-error.ts";
import { greetsAsNats } from "./greets-as-nats.ts";
import { natsPort, type NatsSettings } from "./nats-settings.ts";
import type { StartOptions } from "./options.ts";
import { hostName, type HostServices } from "./outside.ts";
import type { Progress } from "./progress.ts";

/** What a start needs to know of the bus that events go over. */
export interface EventBus {
  /** What of deploy/ brings the cluster to it. */
  readonly overlay: string;
  /** How Pods reach it; absent for the bus in memory. */
  readonly nats?: Omit<NatsSettings, "hostServices">;
  readonly hostServices: HostServices;
  /** Ports of the outside that Pods need for it. */
  readonly ports: readonly number[];
  close(): Promise<void>;
}

/** Finds or starts what the chosen bus needs on this machine. @throws StartError, UsageError with the remedy. */
export async function openEventBus(options: StartOptions, progress: Progress): Promise<EventBus> {
  if (options.bus === "stub") {
    return { overlay: "overlays/local", hostServices: new Map(), ports: [], close: () => Promise.resolve() };
  }
  const overlay = "overlays/local-nats";
  if (options.nats !== undefined) {
    const { hostServices, ...nats } = options.nats;
    await warnIfAway(options.nats, progress);
    const ports = nats.urls.map((url) => Number(new URL(url).port));
    return { overlay, nats, hostServices, ports, close: () => Promise.resolve() };
  }
  const { openNatsServer } = await import("./nats-server.ts");
  const server = await openNatsServer(options.dataDir, (text) => progress.say(text));
  const { user, password, port } = server;
  progress.say(`nats-server answers on port ${port} of this machine`);
  return {
    overlay,
    nats: { urls: [`nats://${hostName}:${natsPort}`], user, password },
    hostServices: new Map([[natsPort, { host: "127.0.0.1", port }]]),
    ports: [natsPort],
    close: () => server.close(),
  };
}

/** It may come later, and Pods may reach what this machine does not: so nothing is refused. */
async function warnIfAway({ urls, hostServices }: NatsSettings, progress: Progress): Promise<void> {
  const places = urls.map((url) => {
    const { hostname, port } = new URL(url);
    const own = hostname === hostName ? hostServices.get(natsPort) : undefined;
    return own ?? { host: hostname.replace(/^\[(.*)\]$/, "$1"), port: Number(port) };
  });
  const answers = await Promise.all(places.map((place) => greetsAsNats(place)));
  if (answers.includes(true)) return;
  const shown = places.map(({ host, port }) => `${host}:${port}`).join(", ");
  progress.say(
    `No NATS server answers at ${shown} (NATS_URL): Brokers and Channels on it are not ready until one does`,
  );
}

/** @throws UsageError where Pods could not reach a server of this machine. */
export function requireWayOut({ bus, nats, egress, network }: StartOptions): void {
  if (bus === "stub") return;
  if (egress === "off") throw new UsageError(`--bus ${bus}: Pods reach it by the way out, which --egress off closes`);
  const isOnThisMachine = nats === undefined || nats.hostServices.size > 0;
  if (network !== "loopback" || !isOnThisMachine) return;
  throw new UsageError(
    `--bus ${bus}: on --network loopback Pods do not reach a server on this machine's loopback. Let it listen on another ` +
      "address of this machine, and name that: NATS_URL=nats://<address>:4222",
  );
}
