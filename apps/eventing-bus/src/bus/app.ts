import { readFileSync } from "node:fs";
import {
  makeMemoryDeadLetterStore,
  openStreamDelivery,
  openStubBus,
  systemClock,
  type Bus,
  type Clock,
  type DeliveryPorts,
  type StreamDelivery,
} from "@kelvin/bus";
import { openHttpService, type Logger, type RunningService } from "@kelvin/http-service";
import { parseBusConfig, type BusConfig } from "./config.ts";
import { acceptReply, type Entrance } from "../data-path/accept.ts";
import { openHttpSender } from "../data-path/http-sender.ts";
import { openIngress } from "../data-path/ingress.ts";
import { brokerPrivateAttributes } from "../data-path/time-to-live.ts";
import { parseStreams, type StreamSpec } from "./streams-file.ts";

/** What the eventing-bus needs from outside. */
interface BusDeps {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly log: Logger;
}

const UNFINISHED_BYTES_MAX = 256 * 1024 * 1024;
const DEAD_LETTER_BYTES_MAX = 64 * 1024 * 1024;
const IN_FLIGHT_MAX = 1_000;
const HANDOFF_MS = 1_000;
const DRAIN_MS = 10_000;
/** What parking and dead letters add to a record. */
const HEADROOM_BYTES = 32 * 1024;
/** The greatest body, where the bus would take more: this much of a process's memory for each of those in flight. */
const BODY_BYTES_MAX = 1024 * 1024;

/** Composes the role `bus`: accepts and delivers. */
export async function openBus(env: NodeJS.ProcessEnv, log: Logger): Promise<RunningService> {
  const config = parseBusConfig(env);
  const streams = parseStreams(readFileSync(config.streamsFile, "utf8"));
  return openStreams(config, streams, { bus: openStubBus(), clock: systemClock, log });
}

/** Opens every stream, then listens. */
async function openStreams(
  config: BusConfig,
  streams: readonly StreamSpec[],
  { bus, clock, log }: BusDeps,
): Promise<RunningService> {
  const sender = openHttpSender({
    connectionsMax: 100,
    originsMax: 1_000,
    answerBytesMax: BODY_BYTES_MAX,
    connectMsMax: 5_000,
    clock,
  });
  const ports: Omit<DeliveryPorts, "stream"> = {
    processId: `${config.podName}-${clock.nowMs()}`,
    clock,
    random: Math.random,
    sender,
    deadLetters: makeMemoryDeadLetterStore({ bytesMax: DEAD_LETTER_BYTES_MAX, clock }),
    note: () => undefined,
    onFault: (err) => {
      log.error({ err }, "Delivery failed for a reason of our own; the event is tried again");
    },
  };
  const entrances = new Map<string, Entrance>();
  const deliveries: StreamDelivery[] = [];
  for (const stream of streams) {
    const { delivery, entrance } = await openStream(stream, bus, ports);
    deliveries.push(delivery);
    entrances.set(`/${stream.name}`, entrance);
  }
  const ingress = await openIngress({
    listeners: [{ name: "http", host: config.host, port: config.httpPort }],
    find: ({ path }) => entrances.get(path),
    bodyBytesMax: Math.min(BODY_BYTES_MAX, bus.recordBytesMax - HEADROOM_BYTES),
    log,
  });
  const { host, internalPort: port } = config;
  const http = await openHttpService({ name: "eventing-bus", host, port, log, ready: () => bus.trouble === undefined });
  return {
    async close() {
      await ingress.drain(DRAIN_MS);
      await Promise.all(deliveries.map((delivery) => delivery.close(DRAIN_MS)));
      await Promise.all([sender.close(), bus.close(), http.close()]);
    },
  };
}

async function openStream(
  { name, kind, consumers }: StreamSpec,
  bus: Bus,
  ports: Omit<DeliveryPorts, "stream">,
): Promise<{ readonly delivery: StreamDelivery; readonly entrance: Entrance }> {
  const log = { id: `${kind}.${name.replace("/", ".")}`, partitions: 1, unfinishedBytesMax: UNFINISHED_BYTES_MAX };
  const reading = kind === "broker" ? "shared" : "each";
  const delivery = await openStreamDelivery(
    bus,
    { log, reading, handoffMs: HANDOFF_MS, inFlightMax: IN_FLIGHT_MAX },
    {
      ...ports,
      stream: {
        privateAttributes: kind === "broker" ? brokerPrivateAttributes : [],
        async acceptReply(reply, original) {
          if (reply.event === undefined || original.event === undefined) return;
          await acceptReply(reply.event, original.event, entrance);
        },
      },
    },
  );
  const entrance: Entrance = { log: delivery.log, kind, nowMs: () => ports.clock.nowMs() };
  await delivery.setConsumers(consumers);
  return { delivery, entrance };
}
