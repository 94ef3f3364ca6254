import type { ControllerCommon } from "@kelvin/controller";
import type { OwnImage } from "./bus/own-image.ts";
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
  /** What Kelvin's own buses run from. */
  readonly ownImage: OwnImage;
  /** Where the buses, the settings and the Services in front of them are. */
  readonly systemNamespace: string;
}
