import type { ServingConfig } from "@kelvin/api/serving/config";
import { defaultConfiguration, defaultRoute, defaultService } from "@kelvin/api/serving/v1";
import type { ControllerKit } from "./controller-kit.ts";

/** Defaults objects in memory before a reconcile, with the settings of that moment. */
export function makeDefaulting(config: () => ServingConfig): ControllerKit["defaulting"] {
  return {
    service: (service) => defaultService(service, { config: config() }),
    configuration: (configuration) => defaultConfiguration(configuration, { config: config() }),
    route: (route) => defaultRoute(route, { config: config() }),
  };
}
