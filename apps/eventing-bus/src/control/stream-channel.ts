import type { KubeObject, ObjectKey } from "@kelvin/api";
import type { SubscriberStatus } from "@kelvin/api/duck";
import { Channel, InMemoryChannel, type Subscription } from "@kelvin/api/messaging/v1";
import { ConflictError, toError } from "@kelvin/kube";
import { channelUrl } from "../model/names.ts";
import type { BusWatch } from "./bus-watch/bus-watch.ts";
import { ensureChannelService, type ChannelServiceDeps, type NamedChannel } from "./channel-service.ts";
import { channelText, indexes } from "./informer-indexes.ts";
import type { Reader } from "./informers.ts";
import { decideServing, type Serving } from "./serving.ts";

// What a bus serves as a channel is an InMemoryChannel, or a Channel that its bus serves in place. Both stand alike.

export interface StreamChannelDeps extends ChannelServiceDeps {
  readonly buses: Pick<BusWatch, "find" | "names">;
  readonly subscriptions: Reader<Subscription>;
}

/** How a channel stands. */
export interface StreamChannel {
  readonly serving: Serving;
  /** Undefined: it has none yet. */
  readonly url: string | undefined;
  readonly subscribers: SubscriberStatus[] | undefined;
}

/** Its address, if it has one, as its status says it. */
interface Addressed extends KubeObject {
  status?: { address?: { url?: string } };
}

/**
 * Gives a channel its name, and says how its bus stands to it and to its subscribers. It gets its address when its bus is there for
 * the first time, and keeps it when that goes: those who send to it need not look for another.
 *
 * @throws ServiceError when its Service cannot be made.
 */
export async function ensureStreamChannel(
  named: NamedChannel & { readonly channel: Addressed },
  deps: StreamChannelDeps,
): Promise<StreamChannel> {
  const { channel, bus } = named;
  const { uid = "", generation = 0, namespace = "", name = "" } = channel.metadata;
  const serving = decideServing({ buses: deps.buses, bus, what: "stream", uid, generation });
  const isNamed = serving.kind !== "absent" || channel.status?.address?.url !== undefined;
  if (isNamed) await ensureNamed(named, deps);
  const subscribers = listSubscriptions(channel, deps.subscriptions).flatMap(
    (subscription) => subscriberStatusOf(subscription, { buses: deps.buses, bus }) ?? [],
  );
  return {
    serving,
    url: isNamed ? channelUrl({ namespace, name }) : undefined,
    subscribers: subscribers.length === 0 ? undefined : subscribers,
  };
}

/** The Service of a channel could not be made: the message is for its condition. */
export class ServiceError extends Error {
  override readonly name = "ServiceError";
}

async function ensureNamed(named: NamedChannel, deps: StreamChannelDeps): Promise<void> {
  try {
    await ensureChannelService(named, deps);
  } catch (error) {
    // Somebody was faster: no news for a condition.
    if (error instanceof ConflictError) throw error;
    throw new ServiceError(`Channel Service failed: ${toError(error).message}`, { cause: error });
  }
}

/** The Subscriptions of a channel that stay, by uid. An InMemoryChannel has those of the Channel that it was made for too. */
function listSubscriptions(channel: KubeObject, subscriptions: Reader<Subscription>): Subscription[] {
  const { namespace = "", name = "" } = channel.metadata;
  return kindsMeaning(channel)
    .flatMap((kind) => subscriptions.byIndex(indexes.channel, channelText(kind, { namespace, name })))
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .toSorted((a, b) => ((a.metadata.uid ?? "") < (b.metadata.uid ?? "") ? -1 : 1));
}

function kindsMeaning(channel: KubeObject): string[] {
  if (channel.kind !== InMemoryChannel.kind) return [Channel.kind];
  const isBacking = channel.metadata.ownerReferences?.some(
    ({ kind, controller }) => kind === Channel.kind && controller === true,
  );
  return isBacking === true ? [InMemoryChannel.kind, Channel.kind] : [InMemoryChannel.kind];
}

/** How a bus stands to a Subscription; undefined while not every replica knows its present generation. */
export function subscriberStatusOf(
  { metadata: { uid = "", generation = 0 } }: Subscription,
  { buses, bus }: { readonly buses: Pick<BusWatch, "find" | "names">; readonly bus: string },
): SubscriberStatus | undefined {
  const serving = decideServing({ buses, bus, what: "consumer", uid, generation });
  if (serving.kind === "serving") return { uid, observedGeneration: generation, ready: "True" };
  if (serving.kind === "waiting") return undefined;
  return { uid, observedGeneration: generation, ready: "False", message: serving.message };
}

/** The channel of this name that a Subscription may mean, whichever its kind. For waking it. */
export function channelKeyOf({ metadata, spec }: Subscription): ObjectKey[] {
  const { name = "", namespace = metadata.namespace ?? "" } = spec.channel ?? {};
  return name === "" ? [] : [{ namespace, name }];
}
