import { bus, type Answer, type BusWorld, type PostOptions } from "./bus-world.ts";

/** A ClusterBus in memory, which asks nothing of its channels. */
export const stub = bus("stub");

/** The host of the channel `news`. */
export const NEWS_HOST = "news-channel.shop.svc.cluster.local";

/** Posts to the channel `news`. */
export function toNews({ post }: BusWorld, how: PostOptions & { readonly path?: string } = {}): Promise<Answer> {
  const { path = "/", ...rest } = how;
  return post(path, { host: NEWS_HOST, ...rest });
}
