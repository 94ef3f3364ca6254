import type { Consumer, Destination } from "@kelvin/bus";
import { eventAttribute } from "@kelvin/cloudevents";
import { formatOf, retryPolicyOf, subscriptionDelivery, triggerDelivery, type DeliverySpec } from "@kelvin/api/duck";
import { compileFilters, type CompiledFilter, type Trigger } from "@kelvin/api/eventing/v1";
import type { Subscription } from "@kelvin/api/messaging/v1";
import type { KubeObject } from "@kelvin/api";
import { limitsOf } from "./limits.ts";
import { busName } from "./names.ts";

/** What consumers take from their Broker or channel where they say nothing. */
export interface InheritedDelivery {
  readonly delivery: DeliverySpec | undefined;
  readonly deadLetter: Destination | undefined;
}

/** Whether the status of an object speaks of its current spec: only then are the addresses in it those of the spec. */
export function isSettled(
  object: KubeObject & { readonly status?: { readonly observedGeneration?: number } },
): boolean {
  return object.status?.observedGeneration === (object.metadata.generation ?? 0);
}

/** The filters of a Trigger, compiled: keep them for as long as its generation is the same. */
export function filterOf({ spec }: Trigger): CompiledFilter {
  return compileFilters(spec);
}

/**
 * A Trigger as its Broker's stream serves it. While its status does not speak of its spec, or the subscriber has no
 * address, events wait: nothing is sent to an address that may be another spec's.
 */
export function consumerOfTrigger(
  trigger: Trigger,
  inherited: InheritedDelivery,
  { filter, since }: { readonly filter: CompiledFilter; readonly since: string | undefined },
): Consumer {
  const { metadata, spec, status = {} } = trigger;
  const delivery = triggerDelivery(spec.delivery, inherited.delivery);
  const ownDeadLetter = destination(status.deadLetterSinkUri, status.deadLetterSinkCACerts);
  return {
    ...identityOf("Trigger", trigger),
    since,
    types: filter.types === undefined ? undefined : [...filter.types],
    matches: (event) => filter.matches((name) => eventAttribute(event, name)),
    subscriber: isSettled(trigger) ? destination(status.subscriberUri, status.subscriberCACerts) : undefined,
    reply: { kind: "stream" },
    deadLetter: ownDeadLetter ?? (spec.delivery === undefined ? inherited.deadLetter : undefined),
    retryPolicy: retryPolicyOf(delivery),
    format: formatOf(delivery),
    limits: limitsOf(metadata.annotations).limits,
  };
}

/** A Subscription as its channel serves it; as `consumerOfTrigger`, but that it takes every payload. */
export function consumerOfSubscription(subscription: Subscription, inherited: InheritedDelivery): Consumer {
  const { metadata, spec, status = {} } = subscription;
  const { physicalSubscription: addresses = {} } = status;
  const delivery = subscriptionDelivery(spec.delivery, inherited.delivery);
  const reply = destination(addresses.replyUri, addresses.replyCACerts);
  return {
    ...identityOf("Subscription", subscription),
    since: undefined,
    types: undefined,
    matches: undefined,
    subscriber: isSettled(subscription) ? destination(addresses.subscriberUri, addresses.subscriberCACerts) : undefined,
    reply: reply === undefined ? { kind: "none" } : { kind: "to", destination: reply },
    deadLetter: destination(addresses.deadLetterSinkUri, addresses.deadLetterSinkCACerts) ?? inherited.deadLetter,
    retryPolicy: retryPolicyOf(delivery),
    format: formatOf(delivery),
    limits: limitsOf(metadata.annotations).limits,
  };
}

function identityOf(kind: string, { metadata }: KubeObject): Pick<Consumer, "id" | "uid" | "generation"> {
  const { namespace = "", name = "", uid = "", generation = 0 } = metadata;
  return { id: busName({ kind, namespace, name }), uid, generation };
}

/** An address with the certificates beside it; undefined when there is none. */
export function destination(url: string | undefined, caCertificates: string | undefined): Destination | undefined {
  if (url === undefined || url === "") return undefined;
  return caCertificates === undefined || caCertificates === "" ? { url } : { url, caCertificates };
}
