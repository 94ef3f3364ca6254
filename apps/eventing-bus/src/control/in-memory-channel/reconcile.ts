import { getCondition, readyCondition } from "@kelvin/api";
import {
  InMemoryChannel,
  inMemoryChannelDeadLetterSink,
  initializeInMemoryChannel,
  markChannelServiceFailed,
  markChannelServiceReady,
  markDispatcherFailed,
  markDispatcherReady,
  markDispatcherUnknown,
  markInMemoryChannelBusNotFound,
  setInMemoryChannelAddress,
  type InMemoryChannelStatus,
} from "@kelvin/api/messaging/v1";
import { waitForEvent, type Outcome } from "@kelvin/controller";
import type { Clock } from "@kelvin/kube";
import { statusAnnotations } from "../../model/annotations.ts";
import { stubBus } from "../../model/names.ts";
import { markDeadLetterSink } from "../dead-letter-sink.ts";
import type { Lookup } from "../destination/destinations.ts";
import { tellOfReadiness } from "../readiness-event.ts";
import { finishRelease, holderOf } from "../release.ts";
import type { Serving } from "../serving.ts";
import { ensureStreamChannel, ServiceError, type StreamChannelDeps } from "../stream-channel.ts";

export interface InMemoryChannelDeps extends StreamChannelDeps {
  readonly clock: Pick<Clock, "now">;
  readonly lookup: Pick<Lookup, "resolve">;
}

/**
 * Gives an InMemoryChannel its name in the cluster, and says in its status whether the bus in memory serves it and each of its
 * subscribers. Level-based and idempotent: the bus watches the objects itself, so nothing is told to it.
 *
 * @throws ServiceError when its Service cannot be made, which its status then says.
 */
export async function reconcileInMemoryChannel(channel: InMemoryChannel, deps: InMemoryChannelDeps): Promise<Outcome> {
  const now = deps.clock.now();
  const before = getCondition(channel.status, readyCondition);
  const status = initializeInMemoryChannel(channel, now);
  await markDeadLetterSink(status, channel.spec.delivery, {
    marks: inMemoryChannelDeadLetterSink,
    lookup: deps.lookup,
    now,
    generation: channel.metadata.generation,
  });
  try {
    const stream = await ensureStreamChannel({ kind: InMemoryChannel, channel, bus: stubBus }, deps);
    if (stream.url !== undefined) markChannelServiceReady(status, now);
    setInMemoryChannelAddress(status, stream.url, now);
    if (stream.subscribers === undefined) delete status.subscribers;
    else status.subscribers = stream.subscribers;
    markServing(status, stream.serving, now);
  } catch (error) {
    if (error instanceof ServiceError) markChannelServiceFailed(status, error.message, now);
    throw error;
  }
  tellOfReadiness(channel, before, deps.recorder);
  return waitForEvent;
}

function markServing(status: InMemoryChannelStatus, serving: Serving, now: Date): void {
  if (serving.kind === "absent") return markInMemoryChannelBusNotFound(status, serving.message, now);
  status.annotations = { ...status.annotations, [statusAnnotations.bus]: stubBus };
  if (serving.kind === "serving") markDispatcherReady(status, now);
  else if (serving.kind === "waiting") markDispatcherUnknown(status, serving.message, now);
  else markDispatcherFailed(status, serving.message, now);
}

/** Keeps an InMemoryChannel that is being deleted until the bus has removed its stream. Without that bus nothing is left of it. */
export async function finalizeInMemoryChannel(
  channel: InMemoryChannel,
  deps: Pick<InMemoryChannelDeps, "clock" | "recorder" | "buses">,
): Promise<Outcome | undefined> {
  const isRemoved = deps.buses.find(stubBus)?.stream(channel.metadata.uid ?? "")?.state === "removed";
  const bus = holderOf(channel, "stream", deps.buses);
  return finishRelease({ object: channel, bus, isRemoved, remains: "events that wait, until that bus ends" }, deps);
}
