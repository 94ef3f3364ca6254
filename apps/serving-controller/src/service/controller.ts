import { Service } from "@kelvin/api/serving/v1";
import { enqueueOwner, openController, watching, type Controller } from "@kelvin/controller";
import type { ControllerKit } from "../controller-kit.ts";
import { reconcileService } from "./reconcile.ts";

/** Wakes a Service when it, its Configuration or its Route changes. */
export function openServiceController({ informers, common, defaulting }: ControllerKit): Controller {
  const { services, configurations, routes, revisions } = informers;
  return openController({
    ...common,
    name: "service-controller",
    kind: Service,
    informer: services,
    watches: [watching(configurations, enqueueOwner(Service)), watching(routes, enqueueOwner(Service))],
    default: defaulting.service,
    reconcile: (service, context) =>
      reconcileService(service, { ...context, defaulting, configurations, routes, revisions }),
  });
}
