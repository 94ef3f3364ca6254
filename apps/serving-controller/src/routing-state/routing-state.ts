import { isConditionTrue, isConditionFalse, isObserved, kubeTime, type ObjectMeta } from "@kelvin/api";
import { annotations, labels, routingStates, type Route } from "@kelvin/api/serving/v1";

/** What a Route says about the object in question. */
export interface RouteClaim {
  readonly route: Route;
  /** Its spec or its status sends traffic to the object. */
  readonly isReferencing: boolean;
}

export interface RoutesQuestion {
  /** The Routes that the object names now. */
  readonly current: readonly string[];
  /** All Routes that exist and either refer to the object or are named by it. */
  readonly claims: readonly RouteClaim[];
  /** The Route that the object's Service makes, which may not exist yet. */
  readonly promised: string | undefined;
}

/**
 * The Routes that an object has to name in its `routes` annotation, sorted. Pure.
 *
 * A Route that no longer refers to the object is dropped only once it has settled (Ready True or False): until then the
 * activators may still be sending it traffic. A Route that is gone is dropped at once, unless its Service will make it.
 */
export function decideRoutes({ current, claims, promised }: RoutesQuestion): string[] {
  const named = claims
    .filter(({ route, isReferencing }) => isReferencing || (current.includes(nameOf(route)) && !isSettled(route)))
    .map(({ route }) => nameOf(route));
  const isStillPromised =
    promised !== undefined && current.includes(promised) && !claims.some(({ route }) => nameOf(route) === promised);
  return [...new Set(isStillPromised ? [...named, promised] : named)].toSorted();
}

function nameOf(route: Route): string {
  return route.metadata.name ?? "";
}

/** The names in the `routes` annotation. */
export function parseRoutes(meta: ObjectMeta): string[] {
  return (meta.annotations?.[annotations.routes] ?? "").split(",").filter((name) => name !== "");
}

/** A merge patch of metadata; `null` removes the key. */
export interface MetadataPatch {
  metadata: { labels?: Record<string, string>; annotations: Record<string, string | null> };
}

/** The patch that makes a Revision name `routes` and carry the matching state, or undefined when it already does. */
export function makeRevisionPatch(meta: ObjectMeta, routes: readonly string[], now: Date): MetadataPatch | undefined {
  const routesPatch = makeRoutesPatch(meta, routes);
  const before = meta.labels?.[labels.routingState];
  const idle = before === routingStates.active ? routingStates.reserve : before;
  const state = routes.length > 0 ? routingStates.active : idle;
  // One that no Route has ever named stays pending.
  if (state === undefined || state === before) return routesPatch;
  return {
    metadata: {
      labels: { [labels.routingState]: state },
      annotations: { ...routesPatch?.metadata.annotations, [annotations.routingStateModified]: kubeTime(now) },
    },
  };
}

/** The patch that makes an object name `routes`, or undefined when it already does. */
export function makeRoutesPatch(meta: ObjectMeta, routes: readonly string[]): MetadataPatch | undefined {
  const wanted = routes.length > 0 ? routes.join(",") : undefined;
  if (meta.annotations?.[annotations.routes] === wanted) return undefined;
  return { metadata: { annotations: { [annotations.routes]: wanted ?? null } } };
}

function isSettled(route: Route): boolean {
  const isDecided = isConditionTrue(route.status, "Ready") || isConditionFalse(route.status, "Ready");
  return isDecided && isObserved(route);
}
