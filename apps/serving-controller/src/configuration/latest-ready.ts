import { isConditionTrue, readyCondition } from "@kelvin/api";
import { labels, type Configuration, type Revision } from "@kelvin/api/serving/v1";
import { keyText } from "@kelvin/kube";
import type { Reader } from "../reader.ts";

export interface LatestReadyQuestion {
  /** The Revision of the current generation, perhaps newer than the cache. */
  readonly created: Revision;
  /** Has the index `configuration`. */
  readonly revisions: Reader<Revision>;
}

/**
 * The newest ready Revision from the latest ready one known so far up to the current generation. Never an older one than
 * that, so traffic does not go back by itself; but a Revision that the user names again counts as the newest.
 */
export function findLatestReady(
  configuration: Configuration,
  { created, revisions }: LatestReadyQuestion,
): Revision | undefined {
  const { namespace = "", name = "", generation = 0 } = configuration.metadata;
  const known = configuration.status?.latestReadyRevisionName;
  const knownRevision = known === undefined ? undefined : revisions.get({ namespace, name: known });
  const first = knownRevision === undefined ? 0 : generationOf(knownRevision);
  const candidates = revisions
    .byIndex("configuration", keyText({ namespace, name }))
    .filter((revision) => revision.metadata.name !== created.metadata.name)
    .filter((revision) => generationOf(revision) >= first && generationOf(revision) <= generation)
    .toSorted((a, b) => generationOf(b) - generationOf(a) || createdAt(b).localeCompare(createdAt(a)));
  return [created, ...candidates].find((revision) => isConditionTrue(revision.status, readyCondition));
}

/** Several images may have been built for one generation. */
function createdAt({ metadata }: Revision): string {
  return metadata.creationTimestamp ?? "";
}

/** The Configuration's generation that a Revision was made for. */
export function generationOf(revision: Revision): number {
  return Number(revision.metadata.labels?.[labels.configurationGeneration] ?? 0);
}
