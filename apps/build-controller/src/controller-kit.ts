import type { BuildConfig } from "@kelvin/api/build/v1alpha1";
import type { ControllerCommon } from "@kelvin/controller";
import type { Informers } from "./informers.ts";

/** What every controller of this app is made of. */
export interface ControllerKit {
  readonly common: ControllerCommon;
  readonly informers: Informers;
  /** The cluster's settings now; ask anew for each reconcile. */
  readonly config: () => BuildConfig;
}
