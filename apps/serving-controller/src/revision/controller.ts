import { keyOf, type ObjectKey } from "@kelvin/api";
import { labels, Revision, type Configuration, type Route } from "@kelvin/api/serving/v1";
import { enqueueByLabel, enqueueOwner, openController, watching, type Controller } from "@kelvin/controller";
import { keyText } from "@kelvin/kube";
import { controllerWaking, type ControllerKit } from "../controller-kit.ts";
import type { Informers } from "../informers.ts";
import type { ImageResolver } from "../images/image-resolver.ts";
import { findPullCredentials } from "../images/pull-secrets.ts";
import { openDigestPool } from "./digest-pool.ts";
import { reconcileRevision } from "./reconcile.ts";

/** Wakes a Revision when it, what it owns, one of its pods, or a Route that may send it traffic changes. */
export function openRevisionController(kit: ControllerKit, resolver: ImageResolver): Controller {
  const { informers, common, settings } = kit;
  const { revisions, configurations, routes, deployments, podAutoscalers, pods } = informers;
  const digests = openDigestPool({
    resolver,
    clock: common.clock,
    findCredentials: (revision) => findPullCredentials(common.kube, revision),
    onSettled: (revision) => controller.enqueue(keyOf(revision)),
  });
  const controller = openController({
    ...common,
    name: "revision-controller",
    kind: Revision,
    informer: revisions,
    watches: [
      watching(deployments, enqueueOwner(Revision)),
      watching(podAutoscalers, enqueueOwner(Revision)),
      watching(pods, enqueueByLabel(labels.revision)),
      watching(routes, (route) => routedRevisions(route, informers)),
      watching(configurations, latestRevisions),
    ],
    forget: (key) => digests.forget(keyText(key)),
    reconcile: (revision, context) =>
      reconcileRevision(revision, {
        ...context,
        routes,
        configurations,
        deployments,
        podAutoscalers,
        pods,
        digests,
        settings: settings(),
      }),
  });
  return controllerWaking(controller, () => digests.close());
}

/** The Revisions that a Route names, those that name it, and the latest ones of the Configurations it names. */
function routedRevisions(route: Route, { revisions, configurations }: Informers): ObjectKey[] {
  const { namespace = "" } = route.metadata;
  const targets = [...(route.spec.traffic ?? []), ...(route.status?.traffic ?? [])];
  const named = targets.flatMap(({ revisionName: name = "", configurationName = "" }) => {
    const configuration = configurations.get({ namespace, name: configurationName });
    return [
      ...(name === "" ? [] : [{ namespace, name }]),
      ...(configuration === undefined ? [] : latestRevisions(configuration)),
    ];
  });
  return [...named, ...revisions.byIndex("route", keyText(keyOf(route))).map(keyOf)];
}

function latestRevisions({ metadata: { namespace = "" }, status }: Configuration): ObjectKey[] {
  const names = [status?.latestCreatedRevisionName, status?.latestReadyRevisionName];
  return names.flatMap((name) => (name === undefined ? [] : [{ namespace, name }]));
}
