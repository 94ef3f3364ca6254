import { keyOf } from "@kelvin/api";
import { Configuration, type Route } from "@kelvin/api/serving/v1";
import { enqueueOwner, openController, watching, type Controller } from "@kelvin/controller";
import type { ControllerKit } from "../controller-kit.ts";
import { reconcileConfiguration } from "./reconcile.ts";

/** Wakes a Configuration when it, one of its Revisions or a Route that names it changes. */
export function openConfigurationController({ informers, common, defaulting }: ControllerKit): Controller {
  const { configurations, revisions, routes } = informers;
  return openController({
    ...common,
    name: "configuration-controller",
    kind: Configuration,
    informer: configurations,
    watches: [watching(revisions, enqueueOwner(Configuration)), watching(routes, namedConfigurations)],
    default: defaulting.configuration,
    reconcile: (configuration, context) => reconcileConfiguration(configuration, { ...context, revisions, routes }),
  });
}

function namedConfigurations(route: Route) {
  const { namespace = "" } = keyOf(route);
  const targets = [...(route.spec.traffic ?? []), ...(route.status?.traffic ?? [])];
  return targets.flatMap(({ configurationName: name = "" }) => (name === "" ? [] : [{ namespace, name }]));
}
