import { BusRefusedError } from "@kelvin/bus";
import type { InheritedDelivery } from "../model/consumer-of.ts";
import type { StreamLife } from "../model/since.ts";
import type { WantedStream } from "./cluster-view.ts";
import { beginAt, isWithoutSince, nextEditions, type Editions } from "./editions.ts";
import type { OpenedBus } from "./opened-bus.ts";
import { entranceKindOf, logSpecOf, openStream, type StreamPlan } from "./open-stream.ts";
import { closeOpened, drain, leave, removeOpened, removeReader, removeUnopened } from "./remove-stream.ts";
import {
  consumerIdOf,
  consumersOf,
  forget,
  forgetAll,
  reportConsumers,
  reportFailed,
  reportRemoved,
  reportStream,
  type Server,
} from "./stream-reports.ts";
import type { OpenedStream, ServerState } from "./stream-server.ts";

/** What the broker refuses somebody may mend there, without a word to us. */
const LOOK_AGAIN_MS = 10_000;

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
  return wanted.deletedAtMs === undefined ? serve(wanted, server) : drain(wanted, server, serveToTheEnd);
}

async function serve(wanted: WantedStream, server: Server): Promise<number | undefined> {
  const { state, deps } = server;
  const { link, routes } = deps;
  const bus = link.current;
  if (bus === undefined) {
    // The link wakes us when the bus is there.
    const message = `the bus is away: ${link.trouble?.reason ?? "not open yet"}`;
    refuse(message, server);
    reportStream(wanted, { state: "failed", message }, server);
    return undefined;
  }
  if (state.opened === undefined && !wanted.arguments.ok) {
    await serveNothing(wanted, wanted.arguments.problem, { bus, server });
    return undefined;
  }
  const { opened, problem } = await openAsSaid(wanted, bus, server);
  const againMs = await serveConsumers(wanted, bus, server);
  // Not before the consumers are known: what comes before that would count as delivered to all.
  routes.set(state.stream, opened.entrance);
  reportStream(wanted, { state: problem === undefined ? "serving" : "failed", message: problem ?? "" }, server);
  return problem === undefined ? againMs : LOOK_AGAIN_MS;
}

/** A stream that is being deleted has its consumers served for as long as it drains. */
async function serveToTheEnd(wanted: WantedStream, bus: OpenedBus, server: Server): Promise<OpenedStream> {
  const { opened } = await openAsSaid(wanted, bus, server);
  await serveConsumers(wanted, bus, server);
  return opened;
}

/** Takes no events until what is wrong is mended; sets the sender a time to ask again. */
export function refuse(message: string, { state, deps }: Server): void {
  const refusal = { status: 503, text: message, retryAfterSeconds: 1 };
  deps.routes.set(state.stream, { kind: entranceKindOf(state.stream.kind), refusal });
}

/** A channel that says what its bus does not understand has nothing at the broker; what was there before stays. */
async function serveNothing(
  wanted: WantedStream,
  problem: string,
  { bus, server }: { readonly bus: OpenedBus; readonly server: Server },
): Promise<void> {
  refuse(`the channel is not served: ${problem}`, server);
  reportStream(wanted, { state: "failed", message: problem }, server);
  forgetLeft(wanted, server);
  for (const object of consumersOf(wanted)) {
    reportFailed(object, `its Channel is not served: ${problem}`, server);
    const { uid = "", deletionTimestamp } = object.metadata;
    if (deletionTimestamp === undefined || server.state.left.has(uid)) continue;
    await removeUnopened(consumerIdOf(object, server), bus, server);
    reportRemoved(object, server);
  }
}

interface OpenedAsSaid {
  readonly opened: OpenedStream;
  /** Why it is served as it was said before, if so. */
  readonly problem: string | undefined;
}

/** Opens the stream at the bus, anew where what is said of it is another thing than before. */
async function openAsSaid(wanted: WantedStream, bus: OpenedBus, server: Server): Promise<OpenedAsSaid> {
  const { state, deps } = server;
  const { opened } = state;
  const { arguments: said } = wanted;
  if (opened !== undefined) {
    if (!said.ok) return { opened, problem: said.problem };
    if (opened.saidText === JSON.stringify(said.value)) return { opened, problem: undefined };
  }
  if (!said.ok) throw new Error(said.problem);
  const plan = { stream: state.stream, names: deps.names.stream(state.stream), arguments: said.value };
  if (opened !== undefined) {
    const problem = await findRefusal(plan, bus, server);
    if (problem !== undefined) return { opened, problem };
    refuse("the channel is opened anew, as its arguments say now", server);
    await closeOpened(opened, server);
  }
  const open = await openStream(plan, bus, deps.parts);
  state.opened = {
    ...open,
    uid: wanted.uid,
    life: bus.life,
    saidText: JSON.stringify(said.value),
    isClosed: false,
  };
  if (!deps.heartbeat.isFresh) open.delivery.pause();
  deps.census.add(open.delivery);
  return { opened: state.opened, problem: undefined };
}

/** What the broker has against a stream as it is said now; it goes on as it was then. */
async function findRefusal(plan: StreamPlan, { bus }: OpenedBus, { deps }: Server): Promise<string | undefined> {
  try {
    const log = await bus.openLog(logSpecOf(plan, deps.parts.streamBytesMax));
    await log.close();
    return undefined;
  } catch (error) {
    if (error instanceof BusRefusedError) return error.message;
    throw error;
  }
}

/**
 * Gives the stream the consumers that are wanted, and removes at the bus what those have there that are not. Resolves with how
 * long to wait before another look.
 */
async function serveConsumers(wanted: WantedStream, bus: OpenedBus, server: Server): Promise<number | undefined> {
  const { state, deps } = server;
  const { opened, editions: before, leaving } = state;
  if (opened === undefined) return undefined;
  const stream: StreamLife = { uid: wanted.uid, life: opened.life };
  const next = nextEditions(wanted, { before, inherited: inheritedOf(wanted, state), stream, names: deps.names });
  noteLeaving(wanted, next, server);
  const leavingIds = new Set(leaving.values());
  // One of the same name begins when nothing is left of the one before.
  for (const [uid, { consumer }] of next) if (leavingIds.has(consumer.id)) next.delete(uid);
  const isNew = [...next.values()].some(isWithoutSince);
  const editions = isNew ? beginAt(await opened.delivery.log.ends(), next, stream) : next;
  const refused = await opened.delivery.setConsumers([...editions.values()].map(({ consumer }) => consumer));
  state.editions = editions;
  const refusals = new Map(refused.map(({ id, error }) => [id, error.message]));
  reportConsumers(servedOf(editions, refusals), before, server);
  reportProblems(wanted, refusals, server);
  if (leaving.size === 0) return refused.length === 0 ? undefined : LOOK_AGAIN_MS;
  await removeLeaving(wanted, bus, server);
  return serveConsumers(wanted, bus, server);
}

function servedOf(editions: Editions, refusals: ReadonlyMap<string, string>): Editions {
  if (refusals.size === 0) return editions;
  return new Map([...editions].filter(([, { consumer }]) => !refusals.has(consumer.id)));
}

/** What consumers say that makes no sense, and what the broker has against them. */
function reportProblems(wanted: WantedStream, refusals: ReadonlyMap<string, string>, server: Server): void {
  for (const { subscription, arguments: said } of wanted.busSubscriptions) {
    if (!said.ok) reportFailed(subscription, said.problem, server);
  }
  if (refusals.size === 0) return;
  for (const object of consumersOf(wanted)) {
    const refusal = refusals.get(consumerIdOf(object, server));
    if (refusal !== undefined) reportFailed(object, refusal, server);
  }
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
  forgetLeft(wanted, server);
  for (const [uid, { consumer }] of editions) if (!next.has(uid)) leaving.set(uid, consumer.id);
  for (const object of objects) {
    const { uid = "", deletionTimestamp } = object.metadata;
    if (deletionTimestamp !== undefined && !left.has(uid)) leaving.set(uid, consumerIdOf(object, server));
  }
}

/** Those of which nothing is left at the bus are kept in mind for as long as their objects are there. */
function forgetLeft(wanted: WantedStream, server: Server): void {
  const uids = new Set(consumersOf(wanted).map(({ metadata }) => metadata.uid));
  for (const uid of server.state.left) {
    if (uids.has(uid)) continue;
    server.state.left.delete(uid);
    forget(uid, server);
  }
}

async function removeLeaving(wanted: WantedStream, { deadLetters }: OpenedBus, server: Server): Promise<void> {
  const { state, deps } = server;
  const objects = new Map(consumersOf(wanted).map((object) => [object.metadata.uid, object]));
  for (const [uid, id] of state.leaving) {
    const log = state.opened?.delivery.log;
    if (state.stream.kind !== "Broker" && log !== undefined) await removeReader(id, log, server);
    await deadLetters.clear(id);
    state.leaving.delete(uid);
    const object = objects.get(uid);
    if (object?.metadata.deletionTimestamp === undefined) forget(uid, server);
    else reportRemoved(object, server);
  }
  deps.log.debug({ stream: state.stream }, "Removed consumers");
}
