import { Configuration } from "@kelvin/api/serving/v1";
import { enqueueOwner, openController, watching, type Controller } from "@kelvin/controller";
import type { ControllerKit } from "../controller-kit.ts";
import { collectRevisions } from "./reconcile.ts";

/** The Configuration's conditions are its own controller's business, so the loop must not see them here. */
const { group, version, kind, plural, namespaced } = Configuration;

/** Wakes a Configuration when it or one of its Revisions changes. */
export function openGarbageCollector({ informers, common, settings }: ControllerKit): Controller {
  const { configurations, revisions } = informers;
  return openController<Configuration>({
    ...common,
    name: "garbage-collector",
    concurrency: 1,
    kind: { group, version, kind, plural, namespaced },
    informer: configurations,
    watches: [watching(revisions, enqueueOwner(Configuration))],
    reconcile: (configuration, context) =>
      collectRevisions(configuration, { ...context, revisions, policy: settings().gc }),
  });
}
