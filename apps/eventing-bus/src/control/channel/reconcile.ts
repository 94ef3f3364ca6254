import { apiVersionOf, getCondition, isObserved, readyCondition, type Condition } from "@kelvin/api";
import {
  Channel,
  channelConditions,
  channelDeadLetterSink,
  channelReasons,
  InMemoryChannel,
  initializeChannel,
  markBackingChannelFailed,
  markChannelBusNotFound,
  propagateBackingChannel,
  type ChannelStatus,
} from "@kelvin/api/messaging/v1";
import { waitForEvent, type Outcome } from "@kelvin/controller";
import { ConflictError, toError, type Clock } from "@kelvin/kube";
import { statusAnnotations } from "../../model/annotations.ts";
import { busOfChannel } from "../../model/bus-of.ts";
import { markDeadLetterSink } from "../dead-letter-sink.ts";
import type { Lookup } from "../destination/destinations.ts";
import type { Reader } from "../informers.ts";
import { tellOfReadiness } from "../readiness-event.ts";
import { finishRelease, holderOf } from "../release.ts";
import type { Serving } from "../serving.ts";
import { ensureStreamChannel, type StreamChannel, type StreamChannelDeps } from "../stream-channel.ts";
import { ensureInMemoryChannel } from "./in-memory-channel.ts";

export interface ChannelDeps extends StreamChannelDeps {
  readonly clock: Pick<Clock, "now">;
  readonly lookup: Pick<Lookup, "resolve">;
  readonly inMemoryChannels: Reader<InMemoryChannel>;
}

/**
 * Makes of a Channel what its template says: an InMemoryChannel of its name, which it owns and whose status it repeats; or, where a
 * bus serves such channels in place, nothing but a name in the cluster.
 *
 * @throws NotOwnedError when the InMemoryChannel or the Service of its name belongs to somebody else; its status then says so.
 */
export async function reconcileChannel(channel: Channel, deps: ChannelDeps): Promise<Outcome> {
  const now = deps.clock.now();
  const before = getCondition(channel.status, readyCondition);
  const status = initializeChannel(channel, now);
  await markDeadLetterSink(status, channel.spec.delivery, {
    marks: channelDeadLetterSink,
    lookup: deps.lookup,
    now,
    generation: channel.metadata.generation,
  });
  try {
    await followTemplate(channel, status, deps);
  } catch (error) {
    if (!(error instanceof ConflictError)) markBackingChannelFailed(status, toError(error).message, now);
    throw error;
  }
  // That it has no address is nothing to tell while what is to give it one has only been made.
  const isWaiting = getCondition(status, channelConditions.backingChannelReady)?.status === "Unknown";
  if (!isWaiting) tellOfReadiness(channel, before, deps.recorder);
  return waitForEvent;
}

async function followTemplate(channel: Channel, status: ChannelStatus, deps: ChannelDeps): Promise<void> {
  const now = deps.clock.now();
  const found = busOfChannel(channel);
  if (found.kind === "backed") return followInMemoryChannel(channel, status, deps);
  if (found.kind === "bus") {
    const stream = await ensureStreamChannel({ kind: Channel, channel, bus: found.bus }, deps);
    return markStream(status, { ...stream, bus: found.bus }, now);
  }
  propagateBackingChannel(status, undefined, now);
  const there = deps.buses.names().join(", ") || "none";
  markChannelBusNotFound(status, `${found.message}; buses that are there: ${there}`, now);
}

async function followInMemoryChannel(channel: Channel, status: ChannelStatus, deps: ChannelDeps): Promise<void> {
  const backing = await ensureInMemoryChannel(channel, deps);
  const { namespace = "", name = "" } = backing.metadata;
  status.channel = { apiVersion: apiVersionOf(InMemoryChannel), kind: InMemoryChannel.kind, namespace, name };
  // What it says of an older generation proves nothing of this one, but its address is the same.
  const { conditions, ...rest } = backing.status ?? {};
  const known = { ...rest, ...(isObserved(backing) && conditions !== undefined ? { conditions } : {}) };
  propagateBackingChannel(status, known, deps.clock.now());
}

/** As if there were a channel behind it with this status. */
function markStream(
  status: ChannelStatus,
  { serving, url, subscribers, bus }: StreamChannel & { readonly bus: string },
  now: Date,
): void {
  const backing = {
    conditions: [readyOf(serving)],
    ...(url === undefined ? {} : { address: { url } }),
    ...(subscribers === undefined ? {} : { subscribers }),
  };
  propagateBackingChannel(status, backing, now);
  if (serving.kind === "absent") return markChannelBusNotFound(status, serving.message, now);
  status.annotations = { ...status.annotations, [statusAnnotations.bus]: bus };
}

function readyOf(serving: Serving): Condition {
  if (serving.kind === "serving") return { type: readyCondition, status: "True" };
  const isWaiting = serving.kind === "waiting";
  return {
    type: readyCondition,
    status: isWaiting ? "Unknown" : "False",
    reason: isWaiting ? channelReasons.backingChannelNotConfigured : channelReasons.channelFailure,
    message: serving.message,
  };
}

/** Keeps a Channel that its bus serves in place until that has removed its stream, or could not in five minutes. */
export async function finalizeChannel(
  channel: Channel,
  deps: Pick<ChannelDeps, "clock" | "recorder" | "buses">,
): Promise<Outcome | undefined> {
  const bus = holderOf(channel, "stream", deps.buses);
  const view = bus === undefined ? undefined : deps.buses.find(bus);
  const isRemoved = view?.stream(channel.metadata.uid ?? "")?.state === "removed";
  return finishRelease({ object: channel, bus, isRemoved, remains: "its stream, with events that wait" }, deps);
}
