import { initializeStatus } from "../../meta/status.ts";
import { Channel, channelConditions, type ChannelStatus } from "./channel.types.ts";
import { busChannelReasons } from "./reasons.ts";
import { hasSaid, keepSaid } from "./said-by-bus.ts";

const set = Channel.conditions;

/** A cause, for a condition that is not True. */
interface Cause {
  readonly reason: string;
  readonly message: string;
}

/** Adds the conditions that are absent and returns the status. */
export function initializeChannel(channel: Channel, now: Date): ChannelStatus {
  return initializeStatus(Channel, channel, now) as ChannelStatus;
}

/** Its Service is there, so it has a host name. */
export function markServiceable(
  status: ChannelStatus,
  { service, host }: { readonly service: string; readonly host: string },
  now: Date,
): void {
  status.service = { name: service };
  status.domainInternal = host;
  const address = { name: "http", url: `http://${host}` };
  status.address = address;
  status.addresses = [address];
  set.markTrue(status, { type: channelConditions.serviceable, reason: busChannelReasons.serviceSynced }, now);
}

/** Its Service could not be made. */
export function markNotServiceable(status: ChannelStatus, { reason, message }: Cause, now: Date): void {
  for (const field of ["service", "domainInternal", "address", "addresses"] as const) delete status[field];
  set.markFalse(status, { type: channelConditions.serviceable, reason, message }, now);
}

/** Its host name leads to its bus. */
export function markRouteable(status: ChannelStatus, now: Date): void {
  set.markTrue(status, { type: channelConditions.routeable, reason: busChannelReasons.routed }, now);
}

/** Its host name leads nowhere. */
export function markNotRouteable(status: ChannelStatus, { reason, message }: Cause, now: Date): void {
  set.markFalse(status, { type: channelConditions.routeable, reason, message }, now);
}

/** Whether its host name leads to its bus is not known yet. */
export function markRouteableUnknown(status: ChannelStatus, message: string, now: Date): void {
  set.markUnknown(status, { type: channelConditions.routeable, reason: busChannelReasons.provisioning, message }, now);
}

/** The bus serves it. `message` may say which arguments count for nothing. */
export function markProvisioned(status: ChannelStatus, message: string, now: Date): void {
  set.markTrue(status, { type: channelConditions.provisioned, reason: busChannelReasons.provisioned, message }, now);
}

/** The bus is at work on it. */
export function markProvisioning(status: ChannelStatus, message: string, now: Date): void {
  set.markUnknown(
    status,
    { type: channelConditions.provisioned, reason: busChannelReasons.provisioning, message },
    now,
  );
}

/** The bus cannot serve it. */
export function markNotProvisioned(status: ChannelStatus, { reason, message }: Cause, now: Date): void {
  set.markFalse(status, { type: channelConditions.provisioned, reason, message }, now);
}

const ownReasons: ReadonlySet<string> = new Set([
  busChannelReasons.busNotFound,
  busChannelReasons.busNotReady,
  busChannelReasons.missingArguments,
  busChannelReasons.provisioning,
]);

/** A third party's bus says itself whether it serves: what is found there stays, and Ready follows. */
export function keepProvisioned(status: ChannelStatus, bus: string, now: Date): void {
  const message = `Bus "${bus}" is a third party's and has to say whether it serves this Channel; it has not yet`;
  const silent = { reason: busChannelReasons.provisioning, message };
  keepSaid(status, { set, type: channelConditions.provisioned, ownReasons, silent }, now);
}

/** Whether a third party's bus has said how it stands to this: from then on nobody else does. */
export function hasBusSaid(status: ChannelStatus): boolean {
  return hasSaid(status, { type: channelConditions.provisioned, ownReasons });
}
