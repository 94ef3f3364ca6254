import { Route, type Configuration, type Revision } from "@kelvin/api/serving/v1";
import { enqueueOwner, openController, watching, type Controller } from "@kelvin/controller";
import { keyOf } from "@kelvin/kube";
import type { ControllerKit } from "../controller-kit.ts";
import { targetKey } from "../routing-state/route-targets.ts";
import { reconcileRoute } from "./reconcile.ts";

/** Wakes a Route when it, one of its targets, its Ingress or one of its placeholder Services changes. */
export function openRouteController({
  informers,
  common,
  settings,
  defaulting,
  gatewayHost,
}: ControllerKit): Controller {
  const { routes, configurations, revisions, ingresses, placeholders } = informers;
  const namingTarget = (kind: "Configuration" | "Revision") => (target: Configuration | Revision) => {
    const { namespace = "", name = "" } = target.metadata;
    return routes.byIndex("target", targetKey(kind, { namespace, name })).map(keyOf);
  };
  return openController({
    ...common,
    name: "route-controller",
    kind: Route,
    informer: routes,
    watches: [
      watching(configurations, namingTarget("Configuration")),
      watching(revisions, namingTarget("Revision")),
      watching(ingresses, enqueueOwner(Route)),
      watching(placeholders, enqueueOwner(Route)),
    ],
    default: defaulting.route,
    reconcile: (route, context) =>
      reconcileRoute(route, {
        ...context,
        configurations,
        revisions,
        ingresses,
        services: placeholders,
        settings: settings(),
        gatewayHost,
      }),
  });
}
