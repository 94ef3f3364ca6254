import type { KubeObject } from "@kelvin/api";
import { requeueAfter, type EventRecorder, type Outcome } from "@kelvin/controller";
import type { Clock } from "@kelvin/kube";
import { statusAnnotations } from "../model/annotations.ts";
import { stubBus } from "../model/names.ts";
import type { BusWatch } from "./bus-watch/bus-watch.ts";

// When an object that is being deleted may go: what it has at its bus must go first, but nothing may wait for ever.

/** How long an object waits for its bus. */
export const releaseMsMax = 5 * 60_000;

/** What is known of the object and its bus. */
export interface Holding {
  /** Being deleted. */
  readonly object: KubeObject;
  /** The bus that has something of the object. Undefined: none ever had, or what it was part of is gone. */
  readonly bus: string | undefined;
  /** All replicas of the bus have removed what they had. */
  readonly isRemoved: boolean;
  /** What may remain at the bus, such as `events that were not delivered`. */
  readonly remains: string;
}

/** Whether an object may go. */
export type Release =
  | { readonly kind: "go" }
  | { readonly kind: "wait"; readonly forMs: number }
  | { readonly kind: "give-up"; readonly message: string };

/** Decides it. Ask again when the bus has news, and after `forMs`. */
export function decideRelease({ object, bus, isRemoved, remains }: Holding, now: Date): Release {
  if (bus === undefined || isRemoved) return { kind: "go" };
  const begunMs = Date.parse(object.metadata.deletionTimestamp ?? "");
  const waitedMs = now.getTime() - begunMs;
  // A deletion whose time cannot be read must not hold anything up either.
  if (waitedMs < releaseMsMax) return { kind: "wait", forMs: Math.min(releaseMsMax, releaseMsMax - waitedMs) };
  const { namespace = "", name = "" } = object.metadata;
  const subject = `${object.kind ?? "object"} "${namespace}/${name}"`;
  const message = `Bus "${bus}" has not confirmed in ${releaseMsMax / 60_000} minutes that ${subject} is removed; there may remain ${remains}`;
  return { kind: "give-up", message };
}

/** An object whose status may name its bus. */
export interface NotedObject extends KubeObject {
  status?: { annotations?: Record<string, string> };
}

/**
 * The bus that may have something of the object: the one that its status names, or else one whose replicas all know of it. The bus
 * in memory has nothing of anything once it is away.
 */
export function holderOf(
  { metadata, status }: NotedObject,
  what: "stream" | "consumer",
  buses: Pick<BusWatch, "find" | "names">,
): string | undefined {
  const { uid = "" } = metadata;
  const noted = status?.annotations?.[statusAnnotations.bus];
  const bus = noted ?? buses.names().find((name) => buses.find(name)?.[what](uid) !== undefined);
  return bus === stubBus && buses.find(stubBus) === undefined ? undefined : bus;
}

/** What finalizing an object comes to: an Outcome while it must stay, undefined when it may go. */
export function finishRelease(
  holding: Holding,
  { clock, recorder }: { readonly clock: Pick<Clock, "now">; readonly recorder: EventRecorder },
): Outcome | undefined {
  const release = decideRelease(holding, clock.now());
  if (release.kind === "wait") return requeueAfter(release.forMs);
  if (release.kind === "give-up") recorder.warning(holding.object, "BusNotCleaned", release.message);
  return undefined;
}
