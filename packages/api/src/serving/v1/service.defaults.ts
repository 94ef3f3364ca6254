import { specErrors } from "../../meta/schema-check.ts";
import { defaultConfigurationSpec } from "./configuration.defaults.ts";
import type { AdmissionContext } from "./context.ts";
import { defaultTraffic } from "./route.defaults.ts";
import { Service } from "./service.types.ts";
import { annotateUser } from "./user-info.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultService(service: Service, context: AdmissionContext<Service>): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(Service, service).length > 0) return;
  service.spec ??= {};
  defaultConfigurationSpec(service.spec, {
    config: context.config,
    parent: service.metadata,
    old: context.old?.spec,
    isCreate: context.old === undefined && context.userInfo !== undefined,
  });
  if ((service.spec.traffic ?? []).length === 0) service.spec.traffic = [{ latestRevision: true, percent: 100 }];
  defaultTraffic(service.spec.traffic);
  annotateUser(service, context);
}
