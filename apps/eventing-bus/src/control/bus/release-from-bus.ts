import type { KubeObject } from "@kelvin/api";
import { requeueAfter, type EventRecorder, type Outcome } from "@kelvin/controller";
import { Namespace, type Clock, type KubeClient } from "@kelvin/kube";
import { statusAnnotations } from "../../model/annotations.ts";
import { stubBus } from "../../model/names.ts";
import type { BusView, BusWatch, ServedView } from "../bus-watch/bus-watch.ts";
import { finishRelease, type NotedObject } from "../release.ts";
import type { FoundBus } from "./find-bus.ts";

export interface BusReleaseDeps {
  readonly kube: Pick<KubeClient, "find">;
  readonly clock: Pick<Clock, "now">;
  readonly recorder: EventRecorder;
  readonly buses: Pick<BusWatch, "find">;
}

/** An object of channels.knative.dev that is being deleted, and its bus. */
export interface BusHolding {
  readonly object: NotedObject;
  readonly found: FoundBus;
  readonly what: "stream" | "consumer";
  /** What may remain at a bus of this kind, such as `kafka`. */
  readonly remainsAt: (ownKind: string) => string;
}

/** Whether a namespace is being deleted is asked this often. */
const LOOK_AGAIN_MS = 5_000;

/**
 * Keeps an object until its bus has let go of it: undefined when it may go. It waits for no bus that is not there any more, nor for
 * one that is away while its namespace is being deleted, and five minutes at most for any; what may remain then, a Warning says.
 * A third party's bus has ways of its own to clean up after a deletion.
 */
export async function releaseFromBus(holding: BusHolding, deps: BusReleaseDeps): Promise<Outcome | undefined> {
  const hold = holdOf(holding, deps.buses);
  if (hold.kind === "none") return undefined;
  if (hold.kind === "lost") return giveUp(holding, `Bus "${hold.bus}" is gone`, deps);
  const isAway = hold.kind === "away";
  const { object } = holding;
  if (isAway && (await isNamespaceGoing(object, deps.kube))) {
    return giveUp(holding, `Bus "${hold.bus}" is away, and the namespace is being deleted`, deps);
  }
  const outcome = finishRelease({ object, bus: hold.bus, isRemoved: false, remains: remainsOf(holding) }, deps);
  if (outcome === undefined || !isAway) return outcome;
  return requeueAfter(Math.min(LOOK_AGAIN_MS, outcome.requeueAfterMs ?? LOOK_AGAIN_MS));
}

/** What a bus has of an object. `lost`: the bus is not there any more. `away`: nobody there can remove anything now. */
type Hold = { readonly kind: "none" } | { readonly kind: "lost" | "away" | "held"; readonly bus: string };

function holdOf(holding: BusHolding, buses: Pick<BusWatch, "find">): Hold {
  const { object, found } = holding;
  const noted = object.status?.annotations?.[statusAnnotations.bus];
  const bus = found.kind === "missing" ? noted : found.place.id;
  if (bus === undefined || found.kind === "third-party") return { kind: "none" };
  const view = buses.find(bus);
  if (hasNothing(holding, { isNoted: noted !== undefined, view })) return { kind: "none" };
  if (found.kind === "missing") return { kind: "lost", bus };
  return { kind: isUnheard(view) ? "away" : "held", bus };
}

interface Known {
  readonly isNoted: boolean;
  readonly view: BusView | undefined;
}

/** Whether its bus never had anything, or has removed it. */
function hasNothing({ object, found, what }: BusHolding, { isNoted, view }: Known): boolean {
  const served = view?.[what](object.metadata.uid ?? "");
  if (served !== undefined) return served.state === "removed";
  // What was in memory went with the process.
  return !isNoted || (view === undefined && kindOf(object, found) === stubBus);
}

/** The kind of its bus, also when that is not there any more. */
function kindOf({ status }: NotedObject, found: FoundBus): string {
  return found.kind === "missing" ? (status?.annotations?.[statusAnnotations.busKind] ?? "") : found.ownKind;
}

function remainsOf({ object, found, remainsAt }: BusHolding): string {
  return remainsAt(kindOf(object, found));
}

/** What the replicas of its bus say of an object, if that bus is there. */
export function servedBy(
  { object, found, what }: Pick<BusHolding, "object" | "found" | "what">,
  buses: Pick<BusWatch, "find">,
): ServedView | undefined {
  return found.kind === "missing" ? undefined : buses.find(found.place.id)?.[what](object.metadata.uid ?? "");
}

function isUnheard(view: BusView | undefined): boolean {
  return view === undefined || view.trouble !== undefined || view.silent.length === view.replicas;
}

async function isNamespaceGoing({ metadata }: KubeObject, kube: Pick<KubeClient, "find">): Promise<boolean> {
  const namespace = await kube.find(Namespace, { name: metadata.namespace ?? "" });
  return namespace === undefined || namespace.metadata.deletionTimestamp !== undefined;
}

function giveUp(holding: BusHolding, why: string, { recorder }: BusReleaseDeps): undefined {
  const { object } = holding;
  const { namespace = "", name = "" } = object.metadata;
  const subject = `${object.kind ?? "object"} "${namespace}/${name}"`;
  const message = `${why}, and has not confirmed that ${subject} is removed; there may remain ${remainsOf(holding)}`;
  recorder.warning(object, "BusNotCleaned", message);
  return undefined;
}
