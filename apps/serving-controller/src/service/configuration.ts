import { keyOf } from "@kelvin/api";
import { Configuration, initializeService, markConfigurationNotOwned, type Service } from "@kelvin/api/serving/v1";
import { defaulted, ensureChild, mergeExactly } from "@kelvin/controller";
import { parseRoutes } from "../routing-state/routing-state.ts";
import type { ServiceDeps } from "./reconcile.ts";
import { makeConfiguration } from "./resources/configuration.ts";

/** Makes the Configuration exist and match. Refuses, rather than adopts, one that is not ours. */
export async function ensureConfiguration(service: Service, deps: ServiceDeps): Promise<Configuration> {
  const desired = makeConfiguration(service);
  return ensureChild(
    {
      kind: Configuration,
      owner: service,
      desired,
      existing: deps.configurations.get(keyOf(desired)),
      // Which Routes use it is not the Service's business alone.
      merge: (existing) =>
        mergeExactly(
          defaulted(existing, deps.defaulting.configuration),
          makeConfiguration(service, parseRoutes(existing.metadata)),
        ),
      markNotOwned: (existing) => {
        const now = deps.clock.now();
        markConfigurationNotOwned(initializeService(service, now), existing.metadata.name ?? "", now);
      },
    },
    deps,
  );
}
