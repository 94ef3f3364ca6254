import type { KubeObject, ObjectKey } from "@kelvin/api";
import { Channel, InMemoryChannel, messagingGroup, type Subscription } from "@kelvin/api/messaging/v1";
import { busOfChannel } from "../../model/bus-of.ts";
import { stubBus } from "../../model/names.ts";
import type { Reader } from "../informers.ts";

/** The channel that a Subscription means, or why there is none. */
export type StreamOf =
  /** `stream` has the events: the channel itself, or the InMemoryChannel that a Channel is made of. */
  | { readonly kind: "found"; readonly stream: Channel | InMemoryChannel; readonly bus: string }
  /** There is none that anybody serves. Whatever the Subscription had at a bus went with the one before. */
  | { readonly kind: "missing"; readonly problem: string };

export interface ChannelReaders {
  readonly channels: Reader<Channel>;
  readonly inMemoryChannels: Reader<InMemoryChannel>;
}

/** Finds the channel. Pure: look again when a channel of that name changes. */
export function findStream({ metadata, spec }: Subscription, readers: ChannelReaders): StreamOf {
  const { apiVersion = "", kind = "", name = "", namespace = metadata.namespace } = spec.channel ?? {};
  const key: ObjectKey = { namespace: namespace ?? "", name };
  if (namespace !== metadata.namespace) {
    return { kind: "missing", problem: `channels of other namespaces are not served, this is of "${key.namespace}"` };
  }
  const isOurs = apiVersion.startsWith(`${messagingGroup}/`);
  if (isOurs && kind === Channel.kind) return ofChannel(key, readers);
  if (isOurs && kind === InMemoryChannel.kind) return ofInMemoryChannel(key, readers);
  const problem = `${kind} of ${apiVersion} is no channel here; Channel and InMemoryChannel of ${messagingGroup} are`;
  return { kind: "missing", problem };
}

function ofInMemoryChannel(key: ObjectKey, { inMemoryChannels }: ChannelReaders): StreamOf {
  const stream = inMemoryChannels.get(key);
  return isStaying(stream) ? { kind: "found", stream, bus: stubBus } : missing(InMemoryChannel.kind, key, stream);
}

function ofChannel(key: ObjectKey, readers: ChannelReaders): StreamOf {
  const channel = readers.channels.get(key);
  if (!isStaying(channel)) return missing(Channel.kind, key, channel);
  const found = busOfChannel(channel);
  if (found.kind === "bus") return { kind: "found", stream: channel, bus: found.bus };
  return found.kind === "backed" ? ofInMemoryChannel(key, readers) : { kind: "missing", problem: found.message };
}

function isStaying<T extends KubeObject>(object: T | undefined): object is T {
  return object !== undefined && object.metadata.deletionTimestamp === undefined;
}

function missing(kind: string, { namespace = "", name }: ObjectKey, object: KubeObject | undefined): StreamOf {
  const problem = object === undefined ? "does not exist" : "is being deleted";
  return { kind: "missing", problem: `${kind} "${namespace}/${name}" ${problem}` };
}
