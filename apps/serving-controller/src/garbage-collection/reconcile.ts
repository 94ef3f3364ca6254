import { keyOf } from "@kelvin/api";
import type { GarbageCollectionConfig } from "@kelvin/api/serving/config";
import { Revision, type Configuration } from "@kelvin/api/serving/v1";
import { requeueAfter, waitForEvent, type Outcome } from "@kelvin/controller";
import { ConflictError, keyText, type Clock, type KubeClient } from "@kelvin/kube";
import type { Reader } from "../reader.ts";
import { decideStaleRevisions } from "./stale-revisions.ts";

export interface GarbageCollectionDeps {
  readonly kube: KubeClient;
  readonly clock: Pick<Clock, "now">;
  /** Has the index `configuration`. */
  readonly revisions: Reader<Revision>;
  readonly policy: GarbageCollectionConfig;
}

/** Revisions become old without any event, so look again. Retention is meant in hours. */
const checkAgainMs = 600_000;

/** Deletes the Revisions of a Configuration that have been without traffic for long enough, as config-gc says. */
export async function collectRevisions(configuration: Configuration, deps: GarbageCollectionDeps): Promise<Outcome> {
  const revisions = deps.revisions.byIndex("configuration", keyText(keyOf(configuration)));
  const latestReadyRevisionName = configuration.status?.latestReadyRevisionName;
  const nowMs = deps.clock.now().getTime();
  const stale = decideStaleRevisions(revisions, { policy: deps.policy, latestReadyRevisionName, nowMs });
  for (const revision of stale) await deleteUnchanged(revision, deps);
  return revisions.length > deps.policy.minNonActiveRevisions ? requeueAfter(checkAgainMs) : waitForEvent;
}

/** A Revision that a Route has taken up again since we looked has another resource version, and stays. */
async function deleteUnchanged(revision: Revision, { kube }: GarbageCollectionDeps): Promise<void> {
  const { uid, resourceVersion } = revision.metadata;
  const preconditions = {
    ...(uid === undefined ? {} : { uid }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  try {
    await kube.delete(Revision, keyOf(revision), { preconditions });
  } catch (error) {
    if (!(error instanceof ConflictError)) throw error;
  }
}
