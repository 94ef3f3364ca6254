import { getCondition, readyCondition } from "@kelvin/api";
import {
  busChannelReasons,
  busConditions,
  Channel,
  channelStatus,
  type ChannelStatus,
} from "@kelvin/api/channels/v1alpha1";
import { NotOwnedError, waitForEvent, type Outcome } from "@kelvin/controller";
import { ConflictError, toError, type Clock } from "@kelvin/kube";
import { busChannelHosts, busChannelServiceName, serviceHost } from "../../model/names.ts";
import { decideVerdict, noteBus } from "../bus/bus-verdict.ts";
import { findBus, type BusLookup, type PresentBus } from "../bus/find-bus.ts";
import { releaseFromBus, type BusReleaseDeps } from "../bus/release-from-bus.ts";
import type { BusWatch } from "../bus-watch/bus-watch.ts";
import { ensureAlias, type ChannelServiceDeps } from "../channel-service.ts";
import { tellOfReadiness } from "../readiness-event.ts";

export interface BusChannelDeps extends BusLookup, ChannelServiceDeps {
  readonly clock: Pick<Clock, "now">;
  readonly buses: Pick<BusWatch, "find" | "names">;
}

/**
 * Gives a Channel its name in the cluster, which leads to its bus, and says in its status whether the bus serves it. A third party's
 * bus says that itself. Level-based and idempotent: buses watch Channels themselves, so nothing is told to them.
 *
 * @throws whatever making its Service ends with, which its status then says.
 */
export async function reconcileBusChannel(channel: Channel, deps: BusChannelDeps): Promise<Outcome> {
  const now = deps.clock.now();
  const before = getCondition(channel.status, readyCondition);
  const status = channelStatus.initializeChannel(channel, now);
  const found = await findBus(channel, deps);
  if (found.kind === "missing") {
    markWithoutBus(status, found.message, now);
    tellOfReadiness(channel, before, deps.recorder);
    return waitForEvent;
  }
  try {
    await ensureName(channel, found, deps);
    const [service, host] = [busChannelServiceName(nameOf(channel)), hostOf(channel)];
    channelStatus.markServiceable(status, { service, host }, now);
  } catch (error) {
    // Somebody was faster: no news for a condition.
    if (error instanceof ConflictError) throw error;
    const { resourceExists, serviceError } = busChannelReasons;
    const reason = error instanceof NotOwnedError ? resourceExists : serviceError;
    channelStatus.markNotServiceable(status, { reason, message: toError(error).message }, now);
    tellOfReadiness(channel, before, deps.recorder);
    throw error;
  }
  markRoute(status, found, now);
  markProvision(channel, found, deps);
  tellOfReadiness(channel, before, deps.recorder);
  return waitForEvent;
}

const nameOf = ({ metadata }: Channel): string => metadata.name ?? "";
const hostOf = ({ metadata: { namespace = "", name = "" } }: Channel): string =>
  busChannelHosts({ namespace, name })[0];

/** It keeps a name that it has: those who send to it need not look for another when the bus comes back. */
function markWithoutBus(status: ChannelStatus, message: string, now: Date): void {
  const cause = { reason: busChannelReasons.busNotFound, message };
  if (status.service === undefined) channelStatus.markNotServiceable(status, cause, now);
  channelStatus.markNotRouteable(status, cause, now);
  channelStatus.markNotProvisioned(status, cause, now);
}

function ensureName(channel: Channel, { place }: PresentBus, deps: BusChannelDeps): Promise<void> {
  const target = serviceHost({ namespace: place.namespace, name: place.service });
  const alias = { kind: Channel, channel, name: busChannelServiceName(nameOf(channel)), role: "bus-channel", target };
  return ensureAlias(alias, deps);
}

/** The name leads to the Service of the bus, which may not be there yet, or not be ours. */
function markRoute(status: ChannelStatus, { bus, place }: PresentBus, now: Date): void {
  const serviceable = getCondition(bus.status, busConditions.serviceable);
  const message = `The Service of bus "${place.id}" is not there${serviceable?.message === undefined ? " yet" : `: ${serviceable.message}`}`;
  if (serviceable?.status === "True") channelStatus.markRouteable(status, now);
  else if (serviceable?.status === "False") {
    channelStatus.markNotRouteable(status, { reason: busChannelReasons.busNotReady, message }, now);
  } else channelStatus.markRouteableUnknown(status, message, now);
}

const refusals = {
  missingArguments: busChannelReasons.missingArguments,
  busNotReady: busChannelReasons.busNotReady,
  failed: busChannelReasons.provisionFailed,
} as const;

function markProvision(channel: Channel, found: PresentBus, { clock, buses }: BusChannelDeps): void {
  const now = clock.now();
  const status = channelStatus.initializeChannel(channel, now);
  noteBus(status, found, buses);
  const hasBusSaid = channelStatus.hasBusSaid(status);
  const question = { object: channel, found, what: "channel", given: channel.spec?.arguments, hasBusSaid } as const;
  const verdict = decideVerdict(question, buses);
  if (verdict.kind === "said-by-bus") channelStatus.keepProvisioned(status, found.place.id, now);
  else if (verdict.kind === "serving") channelStatus.markProvisioned(status, verdict.message, now);
  else if (verdict.kind === "waiting") channelStatus.markProvisioning(status, verdict.message, now);
  else {
    const { reason, message } = verdict;
    channelStatus.markNotProvisioned(status, { reason: refusals[reason], message }, now);
  }
}

/** Keeps a Channel that is being deleted until its bus has removed what it had there, by the rules of `releaseFromBus`. */
export async function finalizeBusChannel(
  channel: Channel,
  deps: BusLookup & BusReleaseDeps,
): Promise<Outcome | undefined> {
  const found = await findBus(channel, deps);
  return releaseFromBus(
    { object: channel, found, what: "stream", remainsAt: (kind) => remainsAt(channel, kind) },
    deps,
  );
}

function remainsAt({ metadata, spec }: Channel, kind: string): string {
  const { namespace = "", name = "" } = metadata;
  if (kind === "kafka") return `the topic "${namespace}.${name}"`;
  const bus = spec?.bus ?? spec?.clusterBus ?? "";
  if (kind === "gcppubsub") return `the topic "channel-${bus}-${namespace}-${name}"`;
  return "its stream, with events that wait";
}
