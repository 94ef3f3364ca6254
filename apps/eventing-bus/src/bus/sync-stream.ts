import { deleteStream } from "@kelvin/bus";
import type { Trigger } from "@kelvin/api/eventing/v1/kinds";
import type { Subscription } from "@kelvin/api/messaging/v1/kinds";
import type { InheritedDelivery } from "../model/consumer-of.ts";
import { busName } from "../model/names.ts";
import type { ServedState } from "../model/report.ts";
import type { StreamLife } from "../model/since.ts";
import type { WantedStream } from "./cluster-view.ts";
import { beginAt, isWithoutSince, nextEditions, type Editions } from "./editions.ts";
import type { OpenedBus } from "./opened-bus.ts";
import { logSpecOf, openStream } from "./open-stream.ts";
import type { OpenedStream, ServerDeps, ServerState } from "./stream-server.ts";

/** What a server works with. */
interface Server {
  readonly state: ServerState;
  readonly deps: ServerDeps;
}

/** How long the events of a stream that is being deleted are still delivered. */
const DRAIN_MS_MAX = 30_000;
const LOOK_AGAIN_MS = 250;
/** How long attempts that run may take when a stream is closed for good. */
const CLOSE_MS_MAX = 5_000;

/**
 * Brings one stream to what the cluster wants of it: open with these consumers, drained and removed, or left alone. Right
 * after a stop at any line. Resolves with how long to wait before another look, if nothing changes until then.
 *
 * @throws BusError when the broker is away or refuses: try again.
 */
export async function syncStream(server: Server): Promise<number | undefined> {
  const { state, deps } = server;
  const wanted = deps.view.wanted(state.stream);
  if (wanted === "elsewhere") {
    await leave(server);
    return undefined;
  }
  if (state.opened !== undefined && (wanted === "gone" || wanted.uid !== state.opened.uid)) {
    // Its object was let go without us: nobody waits for its events any more.
    await removeOpened(state.opened, server);
  }
  if (wanted === "gone") {
    deps.routes.delete(state.stream);
    forgetAll(server);
    return undefined;
  }
  return wanted.deletedAtMs === undefined ? serve(wanted, server) : drain(wanted, server);
}

async function serve(wanted: WantedStream, server: Server): Promise<undefined> {
  const { state, deps } = server;
  const { link, routes } = deps;
  if (link.current === undefined) {
    // The link wakes us when the bus is there.
    const message = `the bus is away: ${link.trouble?.reason ?? "not open yet"}`;
    routes.set(state.stream, { refusal: { status: 503, text: message, retryAfterSeconds: 1 } });
    reportStream(wanted, { state: "failed", message }, server);
    return;
  }
  const opened = await ensureOpen(wanted, link.current, server);
  await serveConsumers(wanted, link.current, server);
  // Not before the consumers are known: what comes before that would count as delivered to all.
  routes.set(state.stream, opened.entrance);
  reportStream(wanted, { state: "serving", message: "" }, server);
}

async function ensureOpen(wanted: WantedStream, bus: OpenedBus, { state, deps }: Server): Promise<OpenedStream> {
  if (state.opened !== undefined) return state.opened;
  const open = await openStream(state.stream, bus, deps.parts);
  state.opened = { ...open, uid: wanted.uid, life: bus.life, isClosed: false };
  if (!deps.heartbeat.isFresh) open.delivery.pause();
  deps.census.add(open.delivery);
  return state.opened;
}

/** Gives the stream the consumers that are wanted, and removes at the bus what those have there that are not. */
async function serveConsumers(wanted: WantedStream, bus: OpenedBus, server: Server): Promise<void> {
  const { state } = server;
  const { opened, editions: before, leaving } = state;
  if (opened === undefined) return;
  const stream: StreamLife = { uid: wanted.uid, life: opened.life };
  const next = nextEditions(wanted, { before, inherited: inheritedOf(wanted, state), stream });
  noteLeaving(wanted, next, server);
  const leavingIds = new Set(leaving.values());
  // One of the same name begins when nothing is left of the one before.
  for (const [uid, { consumer }] of next) if (leavingIds.has(consumer.id)) next.delete(uid);
  const isNew = [...next.values()].some(isWithoutSince);
  const editions = isNew ? beginAt(await opened.delivery.log.ends(), next, stream) : next;
  await opened.delivery.setConsumers([...editions.values()].map(({ consumer }) => consumer));
  state.editions = editions;
  reportConsumers(editions, before, server);
  if (leaving.size === 0) return;
  await removeLeaving(wanted, bus, server);
  await serveConsumers(wanted, bus, server);
}

function inheritedOf(wanted: WantedStream, state: ServerState): InheritedDelivery {
  const { inherited: former } = state;
  if (former?.uid === wanted.uid) {
    const isSame = JSON.stringify(former.delivery) === JSON.stringify(wanted.inherited);
    if (isSame || !wanted.isSettled) return former.delivery;
  }
  state.inherited = { uid: wanted.uid, delivery: wanted.inherited };
  return wanted.inherited;
}

/**
 * Those that were served and are not wanted any more, and all that are being deleted: what an earlier process served has
 * something at the bus too.
 */
function noteLeaving(wanted: WantedStream, next: Editions, server: Server): void {
  const { editions, leaving, left } = server.state;
  const objects = consumersOf(wanted);
  const uids = new Set(objects.map(({ metadata }) => metadata.uid));
  for (const uid of left) {
    if (uids.has(uid)) continue;
    left.delete(uid);
    forget(uid, server);
  }
  for (const [uid, { consumer }] of editions) if (!next.has(uid)) leaving.set(uid, consumer.id);
  for (const object of objects) {
    const { uid = "", deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined && !left.has(uid)) leaving.set(uid, idOf(object));
  }
}

async function removeLeaving(wanted: WantedStream, { deadLetters }: OpenedBus, server: Server): Promise<void> {
  const { state, deps } = server;
  const objects = new Map(consumersOf(wanted).map((object) => [object.metadata.uid, object]));
  for (const [uid, id] of state.leaving) {
    if (state.stream.kind !== "Broker") await state.opened?.delivery.log.deleteReader(id);
    await deadLetters.clear(id);
    state.leaving.delete(uid);
    const object = objects.get(uid);
    if (object?.metadata.deletionTimestamp === undefined) forget(uid, server);
    else reportRemoved(object, server);
  }
  deps.log.debug({ stream: state.stream }, "Removed consumers");
}

/** 404 at once; what waits is delivered for a while; then all that the stream has at the bus goes. */
async function drain(wanted: WantedStream, server: Server): Promise<number | undefined> {
  const { state, deps } = server;
  deps.routes.delete(state.stream);
  if (state.removedUid !== wanted.uid) {
    const bus = deps.link.current;
    if (bus === undefined) return undefined;
    if (isDraining(wanted, state, deps.clock.now().getTime())) {
      const { delivery } = await ensureOpen(wanted, bus, server);
      await serveConsumers(wanted, bus, server);
      if ((await delivery.unfinished()) > 0) return LOOK_AGAIN_MS;
    }
    if (state.opened !== undefined) await removeOpened(state.opened, server);
    await removeRest(wanted, bus, server);
    state.removedUid = wanted.uid;
    state.drainsSinceMs = undefined;
  }
  reportStream(wanted, { state: "removed", message: "" }, server);
  // Those that are being deleted need not wait for anything any more.
  for (const object of consumersOf(wanted)) {
    if (object.metadata.deletionTimestamp === undefined) forget(object.metadata.uid ?? "", server);
    else reportRemoved(object, server);
  }
  return undefined;
}

/** Counted from the deletion, so that a process that is started again does not begin anew. */
function isDraining({ deletedAtMs }: WantedStream, state: ServerState, nowMs: number): boolean {
  state.drainsSinceMs ??= nowMs;
  const begunMs = Math.min(state.drainsSinceMs, deletedAtMs ?? nowMs);
  return nowMs < begunMs + DRAIN_MS_MAX && state.opened?.isClosed !== true;
}

/** What an earlier process may have made. Harmless when there is nothing. */
async function removeRest(
  wanted: WantedStream,
  { bus, deadLetters }: OpenedBus,
  { state, deps }: Server,
): Promise<void> {
  await deleteStream(bus, logSpecOf(state.stream, deps.parts.streamBytesMax).id);
  for (const object of consumersOf(wanted)) await deadLetters.clear(idOf(object));
}

async function removeOpened(opened: OpenedStream, server: Server): Promise<void> {
  const { state, deps } = server;
  const bus = deps.link.current;
  if (bus === undefined) return;
  deps.routes.delete(state.stream);
  if (!opened.isClosed) await opened.delivery.close(CLOSE_MS_MAX);
  opened.isClosed = true;
  await deleteStream(bus.bus, opened.delivery.log.id);
  const ids = [...[...state.editions.values()].map(({ consumer }) => consumer.id), ...state.leaving.values()];
  for (const id of ids) await bus.deadLetters.clear(id);
  forgetOpened(opened, server);
}

/** It is another bus's, or nobody's: what waits here stays here, in case it comes back. */
async function leave(server: Server): Promise<void> {
  const { state, deps } = server;
  deps.routes.delete(state.stream);
  if (state.opened !== undefined) {
    await state.opened.delivery.close(CLOSE_MS_MAX);
    forgetOpened(state.opened, server);
  }
  forgetAll(server);
}

function forgetOpened({ delivery, uid }: OpenedStream, server: Server): void {
  const { state, deps } = server;
  deps.census.delete(delivery);
  for (const consumerUid of state.editions.keys()) forget(consumerUid, server);
  forget(uid, server);
  state.opened = undefined;
  state.editions = new Map();
  state.leaving.clear();
  state.left.clear();
}

/** The consumers of a stream, those that are being deleted too. */
export function consumersOf({ triggers, subscriptions }: WantedStream): readonly (Trigger | Subscription)[] {
  return [...triggers, ...subscriptions.map(({ subscription }) => subscription)];
}

function idOf(object: Trigger | Subscription): string {
  const { namespace = "", name = "" } = object.metadata;
  return busName({ kind: object.kind ?? "", namespace, name });
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

function reportConsumers(editions: Editions, before: Editions, { state, deps }: Server): void {
  for (const [uid, edition] of editions) {
    const { consumer, isHeld, since } = edition;
    if (isHeld || before.get(uid) === edition) continue;
    const { generation } = consumer;
    deps.book.setConsumer(uid, { generation, state: "serving", message: "", since: since ?? null });
    state.reported.add(uid);
  }
}

function reportRemoved({ metadata }: Trigger | Subscription, { state, deps }: Server): void {
  const { uid = "", generation = 0 } = metadata;
  deps.book.setConsumer(uid, { generation, state: "removed", message: "", since: null });
  state.reported.add(uid);
  state.left.add(uid);
}

function forget(uid: string, { state, deps }: Server): void {
  deps.book.forget(uid);
  state.reported.delete(uid);
}

function forgetAll(server: Server): void {
  for (const uid of server.state.reported) forget(uid, server);
  server.state.removedUid = undefined;
  server.state.drainsSinceMs = undefined;
}
