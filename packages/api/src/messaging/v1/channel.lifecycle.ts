import { deadLetterSinkMarks, markEventPoliciesDisabled, setAddress } from "../../duck/delivery.lifecycle.ts";
import { channelReasons } from "../../eventing/v1/reasons.ts";
import { getCondition } from "../../meta/conditions.ts";
import { initializeStatus, propagateCondition } from "../../meta/status.ts";
import { Channel, channelConditions, type ChannelStatus } from "./channel.types.ts";
import type { InMemoryChannelStatus } from "./in-memory-channel.types.ts";

const set = Channel.conditions;
const { backingChannelReady } = channelConditions;

/** Adds the conditions that are absent, with those of what is not served, and returns the status. */
export function initializeChannel(channel: Channel, now: Date): ChannelStatus {
  const status = initializeStatus(Channel, channel, now) as ChannelStatus;
  markEventPoliciesDisabled(set, status, now);
  return status;
}

/** Marks of the dead-letter sink. */
export const channelDeadLetterSink = deadLetterSinkMarks(set);

/** Nobody serves the kind that the template names. */
export function markChannelBusNotFound(status: ChannelStatus, message: string, now: Date): void {
  set.markFalse(status, { type: backingChannelReady, reason: channelReasons.busNotFound, message }, now);
}

/** The channel that the template names could not be made. */
export function markBackingChannelFailed(status: ChannelStatus, message: string, now: Date): void {
  set.markFalse(status, { type: backingChannelReady, reason: channelReasons.channelFailure, message }, now);
}

/** Repeats how the channel stands that was made: readiness, address and subscribers. Any channel's status will do. */
export function propagateBackingChannel(
  status: ChannelStatus,
  backing: InMemoryChannelStatus | undefined,
  now: Date,
): void {
  const ready = getCondition(backing, "Ready");
  if (ready === undefined) {
    const message = "BackingChannel has not yet been reconciled.";
    const reason = channelReasons.backingChannelNotConfigured;
    set.markUnknown(status, { type: backingChannelReady, reason, message }, now);
  } else {
    propagateCondition(set, status, { from: ready, to: backingChannelReady, now });
  }
  setAddress(set, status, { url: backing?.address?.url, now });
  if (backing?.subscribers === undefined) delete status.subscribers;
  else status.subscribers = structuredClone(backing.subscribers);
}
