import { BusRefusedError, deleteStream, type BusLog } from "@kelvin/bus";
import { plainChannel } from "../model/bus-arguments.ts";
import type { WantedStream } from "./cluster-view.ts";
import type { OpenedBus } from "./opened-bus.ts";
import { logSpecOf } from "./open-stream.ts";
import {
  consumerIdOf,
  consumersOf,
  forget,
  forgetAll,
  reportRemoved,
  reportStream,
  type Server,
} from "./stream-reports.ts";
import type { OpenedStream, ServerState } from "./stream-server.ts";

/** How long the events of a stream that is being deleted are still delivered. */
const DRAIN_MS_MAX = 30_000;
const LOOK_AGAIN_MS = 250;
/** How long attempts that run may take when a stream is closed for good. */
const CLOSE_MS_MAX = 5_000;

/** Opens a stream and serves its consumers. */
export type ServeToTheEnd = (wanted: WantedStream, bus: OpenedBus, server: Server) => Promise<OpenedStream>;

/** 404 at once; what waits is delivered for a while; then all that the stream has at the bus goes. */
export async function drain(wanted: WantedStream, server: Server, serve: ServeToTheEnd): Promise<number | undefined> {
  const { state, deps } = server;
  deps.routes.delete(state.stream);
  if (state.removedUid !== wanted.uid) {
    const bus = deps.link.current;
    if (bus === undefined) return undefined;
    if (isDraining(wanted, state, deps.clock.now().getTime())) {
      const opened = await openToDrain(wanted, bus, { server, serve });
      if (opened !== undefined && (await unfinishedOf(opened, bus, server)) > 0) return LOOK_AGAIN_MS;
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

/** Undefined: there is nothing to drain. To what could never be opened nobody has sent anything. */
async function openToDrain(
  wanted: WantedStream,
  bus: OpenedBus,
  { server, serve }: { readonly server: Server; readonly serve: ServeToTheEnd },
): Promise<OpenedStream | undefined> {
  if (server.state.opened === undefined && !wanted.arguments.ok) return undefined;
  try {
    return await serve(wanted, bus, server);
  } catch (error) {
    if (server.state.opened === undefined && error instanceof BusRefusedError) return undefined;
    throw error;
  }
}

/** Nothing waits in a log that is gone: another replica saw before us that all was delivered, and removed it. */
async function unfinishedOf({ delivery }: OpenedStream, bus: OpenedBus, server: Server): Promise<number> {
  try {
    return await delivery.unfinished();
  } catch (error) {
    const log = await findLog(bus, server);
    if (log === undefined) return 0;
    if (log !== "another's") await log.close();
    throw error;
  }
}

/** Removes what an open stream has at the bus. */
export async function removeOpened(opened: OpenedStream, server: Server): Promise<void> {
  const { state, deps } = server;
  const bus = deps.link.current;
  if (bus === undefined) return;
  deps.routes.delete(state.stream);
  if (!opened.isClosed) await opened.delivery.close(CLOSE_MS_MAX);
  opened.isClosed = true;
  const ids = [...[...state.editions.values()].map(({ consumer }) => consumer.id), ...state.leaving.values()];
  // What bears the names of 2018 at a broker is not to be found by the log's.
  if (state.stream.kind === "BusChannel") await removeReaders(ids, bus, server);
  await deleteStream(bus.bus, opened.delivery.log.id, deps.names.stream(state.stream).stepsId);
  for (const id of ids) await bus.deadLetters.clear(id);
  forgetOpened(opened, server);
}

/** What an earlier process may have made. Harmless when there is nothing. */
async function removeRest(wanted: WantedStream, bus: OpenedBus, server: Server): Promise<void> {
  const { state, deps } = server;
  const { logId, stepsId } = deps.names.stream(state.stream);
  const ids = consumersOf(wanted).map((object) => consumerIdOf(object, server));
  const isOurs = state.stream.kind !== "BusChannel" || (await removeReaders(ids, bus, server));
  // Nobody has a log by the other id; its steps are all there may be.
  await deleteStream(bus.bus, isOurs ? logId : stepsId, stepsId);
  for (const id of ids) await bus.deadLetters.clear(id);
}

/** Removes what a consumer has at the bus, of a stream that is not open: its reader and its dead letters. */
export async function removeUnopened(id: string, bus: OpenedBus, server: Server): Promise<void> {
  await removeReaders([id], bus, server);
  await bus.deadLetters.clear(id);
}

/** Removes readers of the stream's log, if that is there. Resolves with whether it may be removed as well. */
async function removeReaders(ids: readonly string[], bus: OpenedBus, server: Server): Promise<boolean> {
  const log = await findLog(bus, server);
  if (log === "another's") return false;
  if (log === undefined) return true;
  for (const id of ids) await removeReader(id, log, server);
  await log.close();
  return true;
}

/** Removes a reader. What the broker has by its name and refuses to us is another's, and stays. */
export async function removeReader(id: string, log: BusLog, { state, deps }: Server): Promise<void> {
  try {
    await log.deleteReader(id);
  } catch (error) {
    if (!(error instanceof BusRefusedError)) throw error;
    const { stream } = state;
    deps.log.warn(
      { stream, id, reason: error.message },
      "What is there by the reader's name is not ours, and is left alone",
    );
  }
}

/** The log of a stream whose arguments nobody knows. What the broker has by its name and refuses to us is somebody else's. */
async function findLog({ bus }: OpenedBus, { state, deps }: Server): Promise<BusLog | "another's" | undefined> {
  const { stream } = state;
  const plan = { stream, names: deps.names.stream(stream), arguments: plainChannel };
  try {
    return await bus.findLog(logSpecOf(plan, deps.parts.streamBytesMax));
  } catch (error) {
    if (!(error instanceof BusRefusedError)) throw error;
    deps.log.warn(
      { stream, reason: error.message },
      "What is there by the stream's name is not its own, and is left alone",
    );
    return "another's";
  }
}

/** Stops to serve an open stream. What waits stays with the bus, and so does everything that is reported. */
export async function closeOpened(opened: OpenedStream, { state, deps }: Server): Promise<void> {
  if (!opened.isClosed) await opened.delivery.close(CLOSE_MS_MAX);
  deps.census.delete(opened.delivery);
  state.opened = undefined;
}

/** It is another bus's, or nobody's: what waits here stays here, in case it comes back. */
export async function leave(server: Server): Promise<void> {
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
