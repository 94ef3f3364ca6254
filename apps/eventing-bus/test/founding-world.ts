import { afterEach } from "@jest/globals";
import { bus, openBusWorld, openSink, type Answer, type BusWorld, type PostOptions } from "./bus-world.ts";

/** A ClusterBus in memory, which asks nothing of its channels. */
export const stub = bus("stub");

/** The host of the channel `news`. */
export const NEWS_HOST = "news-channel.shop.svc.cluster.local";

/** Opens worlds and sinks that are closed after each test, the last one first. */
export function useWorlds() {
  const closers: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });
  const joined = async (...args: Parameters<typeof openBusWorld>): Promise<BusWorld> => {
    const opened = await openBusWorld(...args);
    closers.push(() => opened.close());
    await opened.bus.joined;
    return opened;
  };
  const sink = async (...args: Parameters<typeof openSink>) => {
    const opened = await openSink(...args);
    closers.push(() => opened.close());
    return opened;
  };
  /** Closes it after the test. */
  const closeLater = (close: () => Promise<unknown>): void => {
    closers.push(close);
  };
  return { joined, sink, closeLater };
}

/** Posts to the channel `news`. */
export function toNews({ post }: BusWorld, how: PostOptions & { readonly path?: string } = {}): Promise<Answer> {
  const { path = "/", ...rest } = how;
  return post(path, { host: NEWS_HOST, ...rest });
}
