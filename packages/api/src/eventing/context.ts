import type { UserInfo } from "../serving/v1/context.ts";
import type { EventingConfig } from "./config/eventing-config.ts";

/** What defaults and validation of Eventing's kinds know besides the object. */
export interface EventingAdmissionContext<T> {
  readonly config: EventingConfig;
  /** The object as stored, on update; absent on create. */
  readonly old?: T;
  /** Who asks; absent when the object is defaulted in memory before a reconcile. */
  readonly userInfo?: UserInfo;
  /** The users that may write the subscribers of channels. Default: Knative's controller. */
  readonly controllerUsers?: readonly string[];
}
