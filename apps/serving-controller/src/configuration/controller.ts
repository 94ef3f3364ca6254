import { keyOf } from "@kelvin/api";
import { Configuration, type Route } from "@kelvin/api/serving/v1";
import { enqueueOwner, openController, watching, type Controller, type WatchSource } from "@kelvin/controller";
import { keyText, type Informer } from "@kelvin/kube";
import { openBuilds, type Builds } from "../build-ref/builds.ts";
import { controllerWaking, type ControllerKit } from "../controller-kit.ts";
import { reconcileConfiguration } from "./reconcile.ts";

/** Wakes a Configuration when it, one of its Revisions, or a Route or Build that it is tied to by name changes. */
export function openConfigurationController({ informers, common, defaulting }: ControllerKit): Controller {
  const { configurations, revisions, routes } = informers;
  const builds = openBuilds(common);
  const controller = openController({
    ...common,
    name: "configuration-controller",
    kind: Configuration,
    informer: configurations,
    watches: [
      watching(revisions, enqueueOwner(Configuration)),
      watching(routes, namedConfigurations),
      watchingBuilds(builds, configurations),
    ],
    default: defaulting.configuration,
    reconcile: (configuration, context) =>
      reconcileConfiguration(configuration, { ...context, revisions, routes, builds }),
  });
  return controllerWaking(controller, () => builds.close());
}

/** Configurations that name a Build are woken by it. Nothing waits for Builds: they need not be installed. */
function watchingBuilds(builds: Builds, configurations: Informer<Configuration>): WatchSource {
  return {
    synced: Promise.resolve(),
    subscribe: (enqueue) =>
      builds.onChange(({ before, after }) => {
        const build = after ?? before;
        if (build === undefined) return;
        for (const { metadata } of configurations.byIndex("build", keyText(keyOf(build)))) enqueue(keyOf({ metadata }));
      }),
  };
}

function namedConfigurations(route: Route) {
  const { namespace = "" } = keyOf(route);
  const targets = [...(route.spec.traffic ?? []), ...(route.status?.traffic ?? [])];
  return targets.flatMap(({ configurationName: name = "" }) => (name === "" ? [] : [{ namespace, name }]));
}
