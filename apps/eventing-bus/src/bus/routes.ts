import type { Entrance } from "../data-path/accept.ts";
import type { FindEntrance, Refusal } from "../data-path/ingress.ts";
import { busChannelHosts, channelHosts, isChannelHost, type NamespacedName } from "../model/names.ts";
import type { StreamKind, StreamName } from "./stream-key.ts";

/** Which requests mean which stream. */
export interface Routes {
  /** From now on events are taken there, or refused for a reason that passes. */
  set(stream: StreamName, to: Entrance | Refusal): void;
  /** From now on there is no such stream: 404. */
  delete(stream: StreamName): void;
  readonly find: FindEntrance;
}

/** Where events go that mean one of these names; a Channel and an InMemoryChannel may have the same. */
interface Place {
  readonly kind: StreamKind;
  readonly to: Entrance | Refusal;
}

/**
 * A channel is meant by its Host, or by the path `/<namespace>/<name>` at a Host of the channels' Service; a Broker by that
 * path at any other Host; a channel of the founding kind by its Host and the path `/`. Hosts come in lower case and without port.
 */
export function makeRoutes(): Routes {
  const brokersByPath = new Map<string, Place>();
  const channelsByPath = new Map<string, Place>();
  const channelsByHost = new Map<string, Place>();
  const busChannelsByHost = new Map<string, Place>();
  const placesOf = (stream: StreamName): [Map<string, Place>, string][] => {
    if (stream.kind === "BusChannel") return busChannelHosts(stream).map((host) => [busChannelsByHost, host]);
    if (stream.kind === "Broker") return [[brokersByPath, pathOf(stream)]];
    const byHost = channelHosts(stream).map((host): [Map<string, Place>, string] => [channelsByHost, host]);
    return [[channelsByPath, pathOf(stream)], ...byHost];
  };
  return {
    set(stream, to) {
      for (const [places, name] of placesOf(stream)) places.set(name, { kind: stream.kind, to });
    },
    delete(stream) {
      for (const [places, name] of placesOf(stream)) {
        if (places.get(name)?.kind === stream.kind) places.delete(name);
      }
    },
    find({ host, path }) {
      const channel = channelsByHost.get(host);
      if (channel !== undefined) return channel.to;
      const busChannel = busChannelsByHost.get(host);
      // The path says nothing of which channel is meant, so that there is but one.
      if (busChannel !== undefined) return path === "/" ? busChannel.to : undefined;
      const byPath = isChannelHost(host) ? channelsByPath : brokersByPath;
      return (byPath.get(path) ?? (path.endsWith("/") ? byPath.get(path.slice(0, -1)) : undefined))?.to;
    },
  };
}

function pathOf({ namespace, name }: NamespacedName): string {
  return `/${namespace}/${name}`;
}
