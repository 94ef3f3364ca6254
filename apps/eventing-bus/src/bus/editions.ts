import type { Consumer } from "@kelvin/bus";
import type { CompiledFilter, Trigger } from "@kelvin/api/eventing/v1";
import { statusAnnotations } from "../model/annotations.ts";
import type { BrokerNames } from "../model/broker-names.ts";
import { consumerOfBusSubscription } from "../model/bus-consumer-of.ts";
import {
  consumerOfSubscription,
  consumerOfTrigger,
  filterOf,
  isSettled,
  type InheritedDelivery,
} from "../model/consumer-of.ts";
import { readSince, writeSince, type StreamLife } from "../model/since.ts";
import type { SubscriptionOf, WantedStream } from "./cluster-view.ts";
import type { BusSubscriptionOf } from "./founding-view.ts";
import { nameOf } from "./stream-key.ts";

/** A consumer as it is served. */
export interface Edition {
  readonly consumer: Consumer;
  /** Its spec is newer than its status, and no former spec is known: events wait, and nothing is reported. */
  readonly isHeld: boolean;
  /** For Triggers: where in the stream it begins, as it is reported. */
  readonly since: string | undefined;
  /** For Triggers: what it was made from. While that is the same, so is the edition. */
  readonly source?: EditionSource;
  /** For Triggers: compiled once for a generation. */
  readonly filter?: { readonly generation: number; readonly compiled: CompiledFilter };
}

interface EditionSource {
  readonly resourceVersion: string | undefined;
  readonly inherited: InheritedDelivery;
}

/** The editions of a stream's consumers, by uid. */
export type Editions = ReadonlyMap<string, Edition>;

/** What editions are made from. */
export interface EditionContext {
  readonly before: Editions;
  readonly inherited: InheritedDelivery;
  readonly stream: StreamLife;
  readonly names: Pick<BrokerNames, "consumer">;
}

/** The consumers that a stream is to have, but for those that are being deleted. */
export function nextEditions(wanted: WantedStream, context: EditionContext): Map<string, Edition> {
  const next = new Map<string, Edition>();
  for (const trigger of wanted.triggers) add(next, trigger, triggerEdition(trigger, context));
  for (const one of wanted.subscriptions) add(next, one.subscription, subscriptionEdition(one, context));
  for (const one of wanted.busSubscriptions) add(next, one.subscription, busSubscriptionEdition(one, context));
  return next;
}

function add(editions: Map<string, Edition>, { metadata }: Watched, edition: Edition | undefined): void {
  if (edition !== undefined && metadata.deletionTimestamp === undefined) editions.set(metadata.uid ?? "", edition);
}

type Watched = Trigger | SubscriptionOf["subscription"] | BusSubscriptionOf["subscription"];

/**
 * A spec is served once its status speaks of it (`current`). Until then the former edition goes on. After a restart there is
 * none; then the events of a consumer that was served before must wait, or they would count as finished without it (`held`).
 * One that nobody has looked at yet is not served (`new`).
 */
function editionKind(object: Watched, former: Edition | undefined): "current" | "former" | "held" | "new" {
  if (isSettled(object)) return "current";
  if (former !== undefined && !former.isHeld) return "former";
  return object.status?.observedGeneration === undefined ? "new" : "held";
}

function triggerEdition(trigger: Trigger, { before, inherited, stream }: EditionContext): Edition | undefined {
  const former = before.get(trigger.metadata.uid ?? "");
  const source: EditionSource = { resourceVersion: trigger.metadata.resourceVersion, inherited };
  if (isSame(source, former?.source)) return former;
  const kind = editionKind(trigger, former);
  if (kind === "new") return undefined;
  const since = trigger.status?.annotations?.[statusAnnotations.since] ?? former?.since;
  if (kind === "former" && former !== undefined) return withSince(former, since, stream);
  const filter = compiledFilter(trigger, former);
  const consumer = consumerOfTrigger(trigger, inherited, { filter: filter.compiled, since: undefined });
  return withSince({ consumer, isHeld: kind === "held", since, filter, source }, since, stream);
}

function isSame({ resourceVersion, inherited }: EditionSource, former: EditionSource | undefined): boolean {
  return resourceVersion !== undefined && resourceVersion === former?.resourceVersion && inherited === former.inherited;
}

function compiledFilter(trigger: Trigger, former: Edition | undefined): NonNullable<Edition["filter"]> {
  const { generation = 0 } = trigger.metadata;
  return former?.filter?.generation === generation ? former.filter : { generation, compiled: filterOf(trigger) };
}

function subscriptionEdition(
  { subscription, inherited }: SubscriptionOf,
  { before }: EditionContext,
): Edition | undefined {
  const former = before.get(subscription.metadata.uid ?? "");
  const kind = editionKind(subscription, former);
  if (kind === "new") return undefined;
  if (kind === "former") return former;
  return { consumer: consumerOfSubscription(subscription, inherited), isHeld: kind === "held", since: undefined };
}

/**
 * With arguments that are wrong it is served as it was; one that was not, as far as this process knows, is suspended: an earlier
 * process may have left events that wait for it.
 */
function busSubscriptionEdition(
  { subscription, arguments: said }: BusSubscriptionOf,
  { before, names }: EditionContext,
): Edition | undefined {
  const former = before.get(subscription.metadata.uid ?? "");
  const kind = editionKind(subscription, former);
  if (kind === "new") return undefined;
  if (former !== undefined && (kind === "former" || !said.ok)) return former;
  const id = names.consumer(nameOf("BusSubscription", subscription));
  if (!said.ok) {
    const consumer = consumerOfBusSubscription(subscription, { id, from: "end" });
    return { consumer: { ...consumer, subscriber: undefined, isSuspended: true }, isHeld: true, since: undefined };
  }
  const consumer = consumerOfBusSubscription(subscription, { id, ...said.value });
  return { consumer, isHeld: kind === "held", since: undefined };
}

/** Lets a Trigger begin at a place; undefined: nobody has said yet. */
function withSince(edition: Edition, since: string | undefined, stream: StreamLife): Edition {
  const ends = since === undefined ? undefined : readSince(stream, since);
  return { ...edition, since, consumer: { ...edition.consumer, since: ends } };
}

/** The Triggers that are served for the first time and have no beginning yet begin at `ends`. */
export function beginAt(ends: string, editions: Editions, stream: StreamLife): Map<string, Edition> {
  const since = writeSince(stream, ends);
  return new Map(
    [...editions].map(([uid, edition]) => [uid, isWithoutSince(edition) ? withSince(edition, since, stream) : edition]),
  );
}

/** Whether it is a Trigger without a beginning. */
export function isWithoutSince({ filter, since }: Edition): boolean {
  return filter !== undefined && since === undefined;
}
