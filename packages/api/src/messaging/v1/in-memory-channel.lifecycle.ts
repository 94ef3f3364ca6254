import { deadLetterSinkMarks, markEventPoliciesDisabled, setAddress } from "../../duck/delivery.lifecycle.ts";
import { inMemoryChannelReasons } from "../../eventing/v1/reasons.ts";
import { initializeStatus } from "../../meta/status.ts";
import { InMemoryChannel, inMemoryChannelConditions, type InMemoryChannelStatus } from "./in-memory-channel.types.ts";

const set = InMemoryChannel.conditions;
const { dispatcherReady, serviceReady, endpointsReady, channelServiceReady } = inMemoryChannelConditions;

/** Adds the conditions that are absent, with those of what is not served, and returns the status. */
export function initializeInMemoryChannel(channel: InMemoryChannel, now: Date): InMemoryChannelStatus {
  const status = initializeStatus(InMemoryChannel, channel, now) as InMemoryChannelStatus;
  markEventPoliciesDisabled(set, status, now);
  return status;
}

/** Marks of the dead-letter sink. */
export const inMemoryChannelDeadLetterSink = deadLetterSinkMarks(set);

/** The data plane serves the channel: its dispatcher runs, has a Service, and that has endpoints. */
export function markDispatcherReady(status: InMemoryChannelStatus, now: Date): void {
  for (const type of [dispatcherReady, serviceReady, endpointsReady]) set.markTrue(status, { type }, now);
}

/** Not all of the data plane serves the channel yet. */
export function markDispatcherUnknown(status: InMemoryChannelStatus, message: string, now: Date): void {
  const reason = inMemoryChannelReasons.dispatcherUnknown;
  for (const type of [serviceReady, endpointsReady, dispatcherReady])
    set.markUnknown(status, { type, reason, message }, now);
}

/** The data plane cannot serve the channel. */
export function markDispatcherFailed(status: InMemoryChannelStatus, message: string, now: Date): void {
  const reason = inMemoryChannelReasons.dispatcherFailed;
  for (const type of [serviceReady, endpointsReady, dispatcherReady])
    set.markFalse(status, { type, reason, message }, now);
}

/** The bus in memory is not there. */
export function markInMemoryChannelBusNotFound(status: InMemoryChannelStatus, message: string, now: Date): void {
  const reason = inMemoryChannelReasons.busNotFound;
  for (const type of [serviceReady, endpointsReady, dispatcherReady])
    set.markFalse(status, { type, reason, message }, now);
}

/** The channel's own Service, which gives it its name, is there. */
export function markChannelServiceReady(status: InMemoryChannelStatus, now: Date): void {
  set.markTrue(status, { type: channelServiceReady }, now);
}

/** The channel's own Service could not be made, or belongs to somebody else. */
export function markChannelServiceFailed(status: InMemoryChannelStatus, message: string, now: Date): void {
  set.markFalse(
    status,
    { type: channelServiceReady, reason: inMemoryChannelReasons.channelServiceFailed, message },
    now,
  );
}

/** Sets where the channel takes events; undefined: nowhere. */
export function setInMemoryChannelAddress(status: InMemoryChannelStatus, url: string | undefined, now: Date): void {
  setAddress(set, status, { url, now });
}
