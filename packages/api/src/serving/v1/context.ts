import type { AutoscalerConfig } from "../config/autoscaler-config.ts";
import type { DefaultsConfig } from "../config/defaults-config.ts";
import type { FeaturesConfig } from "../config/features-config.ts";

/** The cluster's settings that defaults and validation depend on. A whole `ServingConfig` will do. */
export interface AdmissionConfig {
  readonly defaults: DefaultsConfig;
  readonly features: FeaturesConfig;
  readonly autoscaler: AutoscalerConfig;
}

/** Who sent an admission request. */
export interface UserInfo {
  readonly username?: string;
  readonly groups?: readonly string[];
}

/** What defaults and validation know besides the object. */
export interface AdmissionContext<T> {
  readonly config: AdmissionConfig;
  /** The object as stored, on update; absent on create. */
  readonly old?: T;
  /** Absent when the object is defaulted in memory before a reconcile: then neither creator nor create-only defaults are set. */
  readonly userInfo?: UserInfo;
}
