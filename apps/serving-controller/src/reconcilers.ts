import type { Controller } from "@kelvin/controller";
import { openConfigurationController } from "./configuration/controller.ts";
import type { ControllerKit } from "./controller-kit.ts";
import { makeDefaulting } from "./defaulting.ts";
import { openGarbageCollector } from "./garbage-collection/controller.ts";
import type { ImageResolver } from "./images/image-resolver.ts";
import type { FetchTable } from "./ingress/activator-tables.ts";
import { openIngressController } from "./ingress/controller.ts";
import { openRevisionController } from "./revision/controller.ts";
import { openRouteController } from "./route/controller.ts";
import { openServiceController } from "./service/controller.ts";

/** What reconcilers reach beyond the API server. */
export interface ReconcilerDeps {
  readonly resolver: ImageResolver;
  readonly fetchTable: FetchTable;
}

/** Starts all reconcilers of this app. */
export function openReconcilers(base: Omit<ControllerKit, "defaulting">, deps: ReconcilerDeps): Controller[] {
  const kit: ControllerKit = { ...base, defaulting: makeDefaulting(base.settings) };
  return [
    openServiceController(kit),
    openConfigurationController(kit),
    openRevisionController(kit, deps.resolver),
    openRouteController(kit),
    openIngressController(kit, deps.fetchTable),
    openGarbageCollector(kit),
  ];
}
