import { keyOf, type KubeObject } from "@kelvin/api";
import { Revision, type Configuration } from "@kelvin/api/serving/v1";
import { initializeConfiguration, markRevisionCreationFailed } from "@kelvin/api/serving/v1";
import { AlreadyExistsError, keyText, toError } from "@kelvin/kube";
import { builtImageOf, type BuiltImage } from "../build-ref/resolve-build.ts";
import type { ConfigurationDeps } from "./reconcile.ts";
import { generationOf } from "./latest-ready.ts";
import { checkNamedRevision } from "./revision-name.ts";
import { makeRevision } from "./resources/revision.ts";

/**
 * The Revision of the Configuration's current generation and of the image built for it, made if it is missing; undefined
 * when its name is taken. A Revision is never changed: it is a snapshot.
 */
export async function ensureRevision(
  configuration: Configuration,
  built: BuiltImage | undefined,
  deps: ConfigurationDeps,
): Promise<Revision | undefined> {
  const desired = makeRevision(configuration, deps.clock.now(), built);
  const named = deps.revisions.get(keyOf(desired)) ?? findByGeneration(configuration, built, deps);
  if (named !== undefined) return orTaken(configuration, named);
  try {
    const created = await deps.kube.create(Revision, desired);
    deps.recorder.normal(configuration, "Created", `Created Revision "${nameOf(created)}"`);
    return created;
  } catch (error) {
    // Ours from a reconcile that the cache has not caught up with, or a stranger's.
    if (error instanceof AlreadyExistsError)
      return orTaken(configuration, await deps.kube.get(Revision, keyOf(desired)));
    return failCreation(configuration, toError(error), deps);
  }
}

function findByGeneration(
  configuration: Configuration,
  built: BuiltImage | undefined,
  { revisions }: ConfigurationDeps,
): Revision | undefined {
  const { namespace = "", name = "", generation } = configuration.metadata;
  const given = configuration.spec.template?.metadata?.name ?? "";
  if (given !== "") return undefined;
  return revisions
    .byIndex("configuration", keyText({ namespace, name }))
    .find((revision) => generationOf(revision) === generation && builtImageOf(revision) === built?.image);
}

function orTaken(configuration: Configuration, revision: Revision): Revision | undefined {
  return checkNamedRevision(configuration, revision) === "ours" ? revision : undefined;
}

function failCreation(configuration: Configuration, error: Error, { clock, recorder }: ConfigurationDeps): never {
  recorder.warning(configuration, "CreationFailed", `Failed to create Revision: ${error.message}`);
  const now = clock.now();
  markRevisionCreationFailed(initializeConfiguration(configuration, now), error.message, now);
  throw error;
}

function nameOf(object: KubeObject): string {
  return object.metadata.name ?? "";
}
