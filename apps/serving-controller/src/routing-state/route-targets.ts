import { controllerOf } from "@kelvin/api";
import type { Configuration, Revision, Route } from "@kelvin/api/serving/v1/kinds";
import { Service } from "@kelvin/api/serving/v1/kinds";
import { keyText, type Informer } from "@kelvin/kube";
import type { RouteClaim } from "./routing-state.ts";

/** Under which keys the index `target` finds a Route: each Configuration and Revision that its spec or status names. */
export function indexRouteTargets({ metadata: { namespace = "" }, spec, status }: Route): string[] {
  const targets = [...(spec.traffic ?? []), ...(status?.traffic ?? [])];
  return targets.flatMap(({ configurationName = "", revisionName = "" }) => [
    ...(configurationName === "" ? [] : [targetKey("Configuration", { namespace, name: configurationName })]),
    ...(revisionName === "" ? [] : [targetKey("Revision", { namespace, name: revisionName })]),
  ]);
}

/** The index value for one target. */
export function targetKey(kind: "Configuration" | "Revision", key: { namespace: string; name: string }): string {
  return `${kind}:${keyText(key)}`;
}

/** Routes, with the index `target`. */
export type RouteReader = Pick<Informer<Route>, "get" | "byIndex">;

/** What each Route that matters says: those found under `targets` refer to the object, those in `current` once did. */
export function findClaims(
  routes: RouteReader,
  { namespace, targets, current }: { namespace: string; targets: readonly string[]; current: readonly string[] },
): RouteClaim[] {
  const referencing = new Map(
    targets.flatMap((target) => routes.byIndex("target", target)).map((route) => [route.metadata.name ?? "", route]),
  );
  const others = current.flatMap((name) => {
    const route = referencing.has(name) ? undefined : routes.get({ namespace, name });
    return route === undefined ? [] : [{ route, isReferencing: false }];
  });
  return [...[...referencing.values()].map((route) => ({ route, isReferencing: true })), ...others];
}

/** The Route that a Configuration's Service makes, of the same name. */
export function promisedRoute(configuration: Configuration | undefined): string | undefined {
  const owner = configuration === undefined ? undefined : controllerOf(configuration);
  return owner?.kind === Service.kind ? owner.name : undefined;
}

/** Whether traffic to "the latest" of this Configuration goes to the Revision, or will as soon as it is ready. */
export function isLatestOf(configuration: Configuration, revision: Revision, generation: number): boolean {
  const { name = "" } = revision.metadata;
  const { latestCreatedRevisionName, latestReadyRevisionName } = configuration.status ?? {};
  // The status lags behind the Revision by one write, during which a new one must not be taken for an old one.
  const isCurrent = generation === configuration.metadata.generation;
  return isCurrent || name === latestCreatedRevisionName || name === latestReadyRevisionName;
}
