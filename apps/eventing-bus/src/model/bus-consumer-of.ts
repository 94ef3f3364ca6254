import type { Consumer } from "@kelvin/bus";
import type { Subscription } from "@kelvin/api/channels/v1alpha1/kinds";
import { retryPolicyOf } from "@kelvin/api/duck";
import type { SubscriptionArguments } from "./bus-arguments.ts";
import { destination, isSettled } from "./consumer-of.ts";
import { limitsOf } from "./limits.ts";

/**
 * A Subscription of the founding kind as its channel serves it: it takes every payload, and any answer with a body goes to
 * `replyTo`. One without a subscriber has the events themselves sent there. While its status does not speak of its spec, or the
 * subscriber has no address, events wait.
 *
 * @param id What it is called at the broker.
 */
export function consumerOfBusSubscription(
  subscription: Subscription,
  { id, from }: SubscriptionArguments & { readonly id: string },
): Consumer {
  const { metadata, spec, status = {} } = subscription;
  const settled = isSettled(subscription);
  const reply = settled ? destination(status.replyUri, undefined) : undefined;
  const isForwarder = (spec.subscriber ?? "") === "";
  const subscriber = settled ? destination(status.subscriberUri, undefined) : undefined;
  return {
    id,
    uid: metadata.uid ?? "",
    generation: metadata.generation ?? 0,
    since: undefined,
    from,
    types: undefined,
    matches: undefined,
    subscriber: isForwarder ? reply : subscriber,
    reply: isForwarder || reply === undefined ? { kind: "none" } : { kind: "anyTo", destination: reply },
    deadLetter: undefined,
    retryPolicy: retryPolicyOf(undefined),
    format: undefined,
    limits: limitsOf(metadata.annotations).limits,
  };
}
