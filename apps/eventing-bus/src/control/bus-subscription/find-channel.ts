import type { Channel, Subscription } from "@kelvin/api/channels/v1alpha1/kinds";
import { findBus, type BusLookup, type FoundBus } from "../bus/find-bus.ts";
import type { Reader } from "../informers.ts";

/** What Channels and their buses are found with. */
export interface ChannelLookup extends BusLookup {
  readonly busChannels: Reader<Channel>;
}

/** The Channel that a Subscription names, with its bus. */
export type FoundChannel =
  | { readonly kind: "found"; readonly channel: Channel; readonly bus: FoundBus }
  /** There is none, or it is being deleted: whatever its bus has of its Subscriptions goes with it. */
  | { readonly kind: "missing"; readonly message: string };

/** Finds it among what is stored. Look again when a Channel of that name, or its bus, changes. */
export async function findChannel({ metadata, spec }: Subscription, lookup: ChannelLookup): Promise<FoundChannel> {
  const { namespace = "" } = metadata;
  const { channel: name = "" } = spec ?? {};
  const channel = lookup.busChannels.get({ namespace, name });
  const subject = `Channel "${name}" in namespace "${namespace}"`;
  if (channel === undefined) return { kind: "missing", message: `There is no ${subject} (of channels.knative.dev)` };
  if (channel.metadata.deletionTimestamp !== undefined)
    return { kind: "missing", message: `${subject} is being deleted` };
  return { kind: "found", channel, bus: await findBus(channel, lookup) };
}
