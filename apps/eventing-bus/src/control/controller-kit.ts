import type { ControllerCommon } from "@kelvin/controller";
import type { BusWatch } from "./bus-watch/bus-watch.ts";
import type { Destinations } from "./destination/destinations.ts";
import type { Informers } from "./informers.ts";
import type { Settings } from "./settings.ts";

/** What every controller of this role is made of. */
export interface ControllerKit {
  readonly common: ControllerCommon;
  readonly informers: Informers;
  /** The cluster's settings now; ask anew for each reconcile. */
  readonly settings: () => Settings;
  /** What the buses serve. Have `wokenByBus` wake the controller. */
  readonly buses: BusWatch;
  /** Looks up what objects refer to, and wakes those that asked. */
  readonly destinations: Destinations;
  /** Where the buses, the settings and the Services in front of them are. */
  readonly systemNamespace: string;
}
