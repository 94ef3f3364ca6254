import { isEmptyDestination, type Destination } from "@kelvin/api/duck";
import type { Channel, InMemoryChannel, Subscription, SubscriptionAddresses } from "@kelvin/api/messaging/v1";
import type { Lookup } from "../destination/destinations.ts";

/** The addresses that are known, and the first that is not. */
export interface References {
  readonly addresses: SubscriptionAddresses;
  readonly failure?: { readonly which: keyof SubscriptionAddresses; readonly problem: string };
}

type Resolved = { readonly address?: SubscriptionAddresses["reply"]; readonly problem?: string };

/** Looks up where a Subscription's events, its answers and its dead letters go: the last also by what its channel says. */
export async function resolveReferences(
  { spec }: Subscription,
  stream: Channel | InMemoryChannel,
  resolve: Lookup["resolve"],
): Promise<References> {
  const { subscriber = {}, reply, delivery } = spec;
  const find = async (destination: Destination): Promise<Resolved> => {
    const resolution = await resolve(destination);
    return resolution.ok ? { address: resolution.address } : { problem: resolution.problem };
  };
  const findIfGiven = async (destination: Destination | undefined): Promise<Resolved> =>
    destination === undefined || isEmptyDestination(destination) ? {} : find(destination);
  const sink = delivery?.deadLetterSink;
  const found = await Promise.all([
    find(subscriber),
    findIfGiven(reply),
    sink === undefined ? sinkOf(stream) : findIfGiven(sink),
  ]);
  const named = (["subscriber", "reply", "deadLetterSink"] as const).map((which, index) => ({
    which,
    ...found[index],
  }));
  const failed = named.find(({ problem }) => problem !== undefined);
  return {
    addresses: Object.fromEntries(
      named.flatMap(({ which, address }) => (address === undefined ? [] : [[which, address]])),
    ),
    ...(failed?.problem === undefined ? {} : { failure: { which: failed.which, problem: failed.problem } }),
  };
}

/** The channel's dead-letter sink, as its own controller found it. */
function sinkOf({ metadata, spec, status = {} }: Channel | InMemoryChannel): Resolved {
  if (spec.delivery?.deadLetterSink === undefined) return {};
  const { deadLetterSinkUri: url, deadLetterSinkCACerts: CACerts, deadLetterSinkAudience: audience } = status;
  if (url === undefined) return { problem: `the dead-letter sink of channel "${metadata.name ?? ""}" is not resolved` };
  return {
    address: { url, ...(CACerts === undefined ? {} : { CACerts }), ...(audience === undefined ? {} : { audience }) },
  };
}
