import type { KubeObject } from "@kelvin/api";
import { resolveArguments, undeclaredText, type BusArgument } from "@kelvin/api/channels/v1alpha1/kinds";
import { statusAnnotations } from "../../model/annotations.ts";
import type { BusWatch } from "../bus-watch/bus-watch.ts";
import type { NotedObject } from "../release.ts";
import { decideServing } from "../serving.ts";
import { notRunningMessage, type PresentBus } from "./find-bus.ts";

/** How a bus stands to a Channel or a Subscription of it. */
export type BusVerdict =
  /** A third party's says it itself. */
  | { readonly kind: "said-by-bus" }
  | { readonly kind: "serving"; readonly message: string }
  | { readonly kind: "waiting"; readonly message: string }
  | {
      readonly kind: "refused";
      readonly reason: "missingArguments" | "busNotReady" | "failed";
      readonly message: string;
    };

/** What is asked about. */
export interface VerdictQuestion {
  readonly object: KubeObject;
  readonly found: PresentBus;
  readonly what: "channel" | "subscription";
  readonly given: readonly BusArgument[] | undefined;
  /** A third party's bus has said something: two that write one condition in turn would never end. */
  readonly hasBusSaid: boolean;
}

/** Decides it. Pure: ask again when the bus, or what is stored of it, changes. */
export function decideVerdict(
  { object, found, what, given, hasBusSaid }: VerdictQuestion,
  buses: Pick<BusWatch, "find" | "names">,
): BusVerdict {
  const { id } = found.place;
  if (found.kind === "third-party" && hasBusSaid) return { kind: "said-by-bus" };
  const { missing, undeclared } = resolveArguments(found.bus.spec?.parameters?.[what] ?? [], given);
  if (missing.length > 0) {
    const message = `Bus "${id}" needs a value of ${missing.join(", ")}: give spec.arguments`;
    return { kind: "refused", reason: "missingArguments", message };
  }
  if (found.kind === "third-party") return { kind: "said-by-bus" };
  const ignored = undeclaredText(undeclared);
  const verdict = askReplicas(found, { object, what }, buses);
  return verdict.kind === "serving" && ignored !== ""
    ? { ...verdict, message: `Bus "${id}" serves it${ignored}` }
    : verdict;
}

function askReplicas(
  found: PresentBus,
  { object, what }: Pick<VerdictQuestion, "object" | "what">,
  buses: Pick<BusWatch, "find" | "names">,
): BusVerdict {
  const { uid = "", generation = 0 } = object.metadata;
  const kind = what === "channel" ? "stream" : "consumer";
  const serving = decideServing({ buses, bus: found.place.id, what: kind, uid, generation });
  if (serving.kind === "absent") return { kind: "refused", reason: "busNotReady", message: notRunningMessage(found) };
  if (serving.kind === "failed") return { kind: "refused", reason: "failed", message: serving.message };
  return serving.kind === "waiting" ? serving : { kind: "serving", message: "" };
}

/** Notes in a status which of our buses may have something of the object, for its deletion. */
export function noteBus(
  status: NonNullable<NotedObject["status"]>,
  { kind, place, ownKind }: PresentBus,
  buses: Pick<BusWatch, "find">,
): void {
  if (kind !== "own" || buses.find(place.id) === undefined) return;
  const { bus, busKind } = statusAnnotations;
  status.annotations = { ...status.annotations, [bus]: place.id, [busKind]: ownKind };
}
