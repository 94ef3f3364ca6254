import type { Entrance } from "../data-path/accept.ts";
import type { FindEntrance, Refusal } from "../data-path/ingress.ts";
import { channelHosts, isChannelHost, type NamespacedName } from "../model/names.ts";
import type { StreamName } from "./stream-key.ts";

/** Which requests mean which stream. */
export interface Routes {
  /** From now on events are taken there, or refused for a reason that passes. */
  set(stream: StreamName, to: Entrance | Refusal): void;
  /** From now on there is no such stream: 404. */
  delete(stream: StreamName): void;
  readonly find: FindEntrance;
}

/**
 * A channel is meant by its Host, or by the path `/<namespace>/<name>` at a Host of the channels' Service; a Broker by that
 * path at any other Host. Hosts come in lower case and without port.
 */
export function makeRoutes(): Routes {
  const brokersByPath = new Map<string, Entrance | Refusal>();
  const channelsByPath = new Map<string, Entrance | Refusal>();
  const channelsByHost = new Map<string, Entrance | Refusal>();
  return {
    set(stream, to) {
      if (stream.kind === "Broker") {
        brokersByPath.set(pathOf(stream), to);
        return;
      }
      channelsByPath.set(pathOf(stream), to);
      for (const host of channelHosts(stream)) channelsByHost.set(host, to);
    },
    delete(stream) {
      if (stream.kind === "Broker") {
        brokersByPath.delete(pathOf(stream));
        return;
      }
      channelsByPath.delete(pathOf(stream));
      for (const host of channelHosts(stream)) channelsByHost.delete(host);
    },
    find({ host, path }) {
      const channel = channelsByHost.get(host);
      if (channel !== undefined) return channel;
      const byPath = isChannelHost(host) ? channelsByPath : brokersByPath;
      return byPath.get(path) ?? (path.endsWith("/") ? byPath.get(path.slice(0, -1)) : undefined);
    },
  };
}

function pathOf({ namespace, name }: NamespacedName): string {
  return `/${namespace}/${name}`;
}
