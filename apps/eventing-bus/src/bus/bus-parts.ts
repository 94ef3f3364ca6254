import { systemClock as deliveryClock } from "@kelvin/bus";
import { Bus } from "@kelvin/api/channels/v1alpha1/kinds";
import { ConfigMap, makeCallPlaces, UnavailableError } from "@kelvin/kube";
import { openHttpSender } from "../data-path/http-sender.ts";
import { makeBrokerNames } from "../model/broker-names.ts";
import { countAging } from "./aging-events.ts";
import type { BusDeps } from "./app.ts";
import { openBusLink, type BusLink } from "./bus-link.ts";
import { makeClusterView } from "./cluster-view.ts";
import type { BusConfig } from "./config.ts";
import { openConfigMaps } from "./config-maps.ts";
import { openConsumerCensus } from "./consumer-census.ts";
import { openHeartbeat } from "./heartbeat.ts";
import { openInformers } from "./informers.ts";
import type { ReportBook } from "./report-book.ts";
import { makeRoutes, type Routes } from "./routes.ts";
import { openStreamServers, type StreamServers } from "./stream-servers.ts";

/** All that works together in a replica of a bus, but for what listens. */
export interface BusParts {
  readonly routes: Routes;
  readonly link: BusLink;
  readonly servers: StreamServers;
  /** Attempts so far. */
  attempts(): number;
  /** Events that were read when most of the time was over that the broker keeps them. */
  aging(): number;
  isReading(): boolean;
  /** Resolves when everything was seen once. */
  synced(): Promise<void>;
  close(drainMs: number): Promise<void>;
}

/** Streams that are worked on at the broker at once. */
const PLACES = 16;
/** How long a bus in memory goes on delivering when it is stopped. */
const MEMORY_DRAIN_MS_MAX = 25_000;
const LOOK_AGAIN_MS = 100;
const senderLimits = { connectionsMax: 100, originsMax: 1_000, answerBytesMax: 1024 * 1024, connectMsMax: 5_000 };

/** The only place that knows all parts, and which of them calls which. */
export function openBusParts(config: BusConfig, { kube, clock, log }: BusDeps, book: ReportBook): BusParts {
  const { systemNamespace } = config;
  const informers = openInformers({ kube, systemNamespace, bus: config.bus, log });
  const configMaps = openConfigMaps({ kube, informer: informers.configMaps, systemNamespace, clock, log });
  const view = makeClusterView(config, informers, configMaps);
  const census = openConsumerCensus({ book, clock, log });
  const open = async () => {
    const opened = await config.openBus();
    return { ...opened, deadLetters: census.watch(opened.deadLetters) };
  };
  const link = openBusLink(open, { clock, log });
  const heartbeat = openHeartbeat({ ask: (signal) => askServer(kube, config, signal), clock });
  const routes = makeRoutes();
  const sender = openHttpSender({ ...senderLimits, clock: deliveryClock });
  let attempts = 0;
  const aging = countAging({ clock, log });
  const servers = openStreamServers({
    view,
    link,
    heartbeat,
    routes,
    book,
    census,
    parts: {
      clock: deliveryClock,
      log,
      onAttempt: () => (attempts += 1),
      onAging: aging.note,
      senderFor: ({ kind, namespace }) => (kind === "BusChannel" ? sender.plain : sender.forNamespace(namespace)),
      streamBytesMax: config.streamBytesMax,
    },
    names: makeBrokerNames(config.kind, config.bus.name),
    places: makeCallPlaces(PLACES),
    clock,
    log,
  });
  const all = Object.values(informers);
  link.onChange(() => {
    book.setTrouble(link.trouble ?? null);
    servers.wake();
  });
  heartbeat.onChange((isFresh) => {
    if (isFresh) log.info({}, "The API server is back; reading on");
    else log.warn({}, "The API server is silent; reading stops until it is back");
    servers.setPaused(!isFresh);
  });
  return {
    routes,
    link,
    servers,
    attempts: () => attempts,
    aging: aging.count,
    isReading: () => heartbeat.isFresh,
    async synced() {
      await Promise.all([...all.map((informer) => informer.synced), link.tried]);
      // Asked for what they want, Brokers have their ConfigMaps read.
      for (const stream of view.streams()) view.wanted(stream);
      await configMaps.settled();
      book.setTrouble(link.trouble ?? null);
    },
    async close(drainMs) {
      if (link.current?.isDurable === false) await untilFinished(servers, clock);
      await Promise.all([...all.map((informer) => informer.close()), configMaps.close(), heartbeat.close()]);
      await servers.close(drainMs);
      await Promise.all([census.close(), sender.close()]);
      await link.close();
    },
  };
}

/** What is in memory ends with this process, so it is delivered first, as far as that can be waited for. */
async function untilFinished(servers: StreamServers, clock: BusDeps["clock"]): Promise<void> {
  const endMs = clock.monotonicMs() + MEMORY_DRAIN_MS_MAX;
  while (clock.monotonicMs() < endMs && (await servers.unfinished()) > 0) await clock.sleep(LOOK_AGAIN_MS);
}

/** Any answer will do, a refusal too. */
async function askServer(kube: BusDeps["kube"], config: BusConfig, signal: AbortSignal): Promise<void> {
  const { name, namespace } = config.bus;
  try {
    // A Bus may ask for nothing outside its namespace.
    if (namespace !== "") await kube.find(Bus, { namespace, name }, { signal });
    else
      await kube.find(ConfigMap, { namespace: config.systemNamespace, name: "config-br-default-channel" }, { signal });
  } catch (error) {
    if (error instanceof UnavailableError || signal.aborted) throw error;
  }
}
