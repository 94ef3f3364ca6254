import type { Configuration, Route, Service } from "@kelvin/api/serving/v1";
import type { ServingConfig } from "@kelvin/api/serving/config";
import type { Controller, ControllerCommon } from "@kelvin/controller";
import type { Informers } from "./informers.ts";

/** What every controller of this app is made of. */
export interface ControllerKit {
  readonly common: ControllerCommon;
  readonly informers: Informers;
  /** The cluster's settings now; ask anew for each reconcile. */
  readonly settings: () => ServingConfig;
  /** What admission does, for objects that were stored before the present defaults. A Revision stays as it was stored. */
  readonly defaulting: {
    readonly service: (service: Service) => void;
    readonly configuration: (configuration: Configuration) => void;
    readonly route: (route: Route) => void;
  };
  /** Name of the cluster-local gateway inside the cluster. */
  readonly gatewayHost: string;
}

/** A controller that also closes what wakes it. */
export function controllerWaking(controller: Controller, closeSource: () => Promise<void>): Controller {
  return {
    ...controller,
    async close() {
      await Promise.all([closeSource(), controller.close()]);
    },
  };
}
