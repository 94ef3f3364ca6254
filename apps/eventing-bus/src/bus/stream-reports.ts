import type { Subscription as BusSubscription } from "@kelvin/api/channels/v1alpha1/kinds";
import type { Trigger } from "@kelvin/api/eventing/v1/kinds";
import type { Subscription } from "@kelvin/api/messaging/v1/kinds";
import type { ServedState } from "../model/report.ts";
import type { WantedStream } from "./cluster-view.ts";
import type { Editions } from "./editions.ts";
import type { ServerDeps, ServerState } from "./stream-server.ts";
import { consumerKindOf, nameOf } from "./stream-key.ts";

// What is said in the report of one stream and of its consumers.

/** What a server works with. */
export interface Server {
  readonly state: ServerState;
  readonly deps: ServerDeps;
}

/** Whatever consumers are made of. */
export type ConsumerObject = Trigger | Subscription | BusSubscription;

/** The consumers of a stream, those that are being deleted too. */
export function consumersOf({ triggers, subscriptions, busSubscriptions }: WantedStream): readonly ConsumerObject[] {
  return [...triggers, ...[...subscriptions, ...busSubscriptions].map(({ subscription }) => subscription)];
}

/** What a consumer of this stream is called at the bus. */
export function consumerIdOf(object: ConsumerObject, { state, deps }: Server): string {
  return deps.names.consumer(nameOf(consumerKindOf(state.stream.kind), object));
}

/** Says how the stream is served. */
export function reportStream(
  { uid, generation }: WantedStream,
  served: { readonly state: ServedState; readonly message: string },
  { state, deps }: Server,
): void {
  deps.book.setStream(uid, { generation, ...served });
  state.reported.add(uid);
}

/** Says of consumers that they are served as these editions. */
export function reportConsumers(editions: Editions, before: Editions, { state, deps }: Server): void {
  for (const [uid, edition] of editions) {
    const { consumer, isHeld, since } = edition;
    if (isHeld || before.get(uid) === edition) continue;
    const { generation } = consumer;
    deps.book.setConsumer(uid, { generation, state: "serving", message: "", since: since ?? null });
    state.reported.add(uid);
  }
}

/** Says of a consumer that what it says is not served, and why; what was served of it before goes on. */
export function reportFailed(object: ConsumerObject, message: string, { state, deps }: Server): void {
  const { uid = "", generation = 0, deletionTimestamp } = object.metadata;
  if (deletionTimestamp !== undefined) return;
  const since = state.editions.get(uid)?.since ?? null;
  deps.book.setConsumer(uid, { generation, state: "failed", message, since });
  state.reported.add(uid);
}

/** Says of a consumer that is being deleted that nothing is left of it. */
export function reportRemoved({ metadata }: ConsumerObject, { state, deps }: Server): void {
  const { uid = "", generation = 0 } = metadata;
  deps.book.setConsumer(uid, { generation, state: "removed", message: "", since: null });
  state.reported.add(uid);
  state.left.add(uid);
}

/** Says nothing of an object any more. */
export function forget(uid: string, { state, deps }: Server): void {
  deps.book.forget(uid);
  state.reported.delete(uid);
}

/** Says nothing of the stream and its consumers any more. */
export function forgetAll(server: Server): void {
  for (const uid of server.state.reported) forget(uid, server);
  server.state.removedUid = undefined;
  server.state.drainsSinceMs = undefined;
}
