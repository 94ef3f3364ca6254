import { getCondition } from "@kelvin/api";
import { succeededCondition, type Build } from "@kelvin/api/build/v1alpha1";
import { annotations, type Configuration, type Revision } from "@kelvin/api/serving/v1";

/** The image that a Configuration's next Revision runs, and in which container. */
export interface BuiltImage {
  readonly kind: "built";
  /** Name of the Build. */
  readonly build: string;
  /** By digest. */
  readonly image: string;
  /** Undefined: the first. */
  readonly container: string | undefined;
}

/** Where a Configuration stands with the Build that it names. `waiting` and `failed` say why, for people. */
export type BuildState =
  | BuiltImage
  | { readonly kind: "waiting"; readonly message: string }
  | { readonly kind: "failed"; readonly message: string };

/** What is known when a Configuration asks for its Build. */
export interface BuildQuestion {
  /** Undefined when there is none of that name, or none is known yet. */
  readonly build: Build | undefined;
  /** All Revisions of the Configuration. */
  readonly revisions: readonly Revision[];
}

/**
 * Which image the Configuration is to run; undefined when it names no Build. A Build that was deleted after it was used
 * changes nothing: the image of the newest Revision made with it goes on to be used. Pure.
 */
export function resolveBuild(
  configuration: Configuration,
  { build, revisions }: BuildQuestion,
): BuildState | undefined {
  const name = buildNameOf(configuration);
  if (name === undefined) return undefined;
  const outcome = build === undefined ? outcomeWithoutBuild(name, revisions) : outcomeOf(name, build);
  if ("image" in outcome) {
    const container = configuration.metadata.annotations?.[annotations.buildContainer];
    return { kind: "built", build: name, image: outcome.image, container };
  }
  return outcome;
}

type Outcome = { readonly image: string } | Exclude<BuildState, BuiltImage>;

function outcomeWithoutBuild(name: string, revisions: readonly Revision[]): Outcome {
  const image = newestImageOf(name, revisions);
  return image === undefined
    ? { kind: "waiting", message: `Build "${name}" does not exist in this namespace` }
    : { image };
}

function outcomeOf(name: string, { status }: Build): Outcome {
  const succeeded = getCondition(status, succeededCondition);
  if (succeeded?.status === "False") {
    return { kind: "failed", message: `Build "${name}" failed: ${succeeded.message ?? succeeded.reason ?? ""}` };
  }
  if (succeeded?.status !== "True") {
    return { kind: "waiting", message: `Build "${name}" has not ended${progress(succeeded?.message)}` };
  }
  const image = status?.image ?? "";
  if (image !== "") return { image };
  const remedy = "give it spec.image, and let the step that pushes tell the digest";
  return { kind: "failed", message: `Build "${name}" succeeded but tells no image: ${remedy}` };
}

/** The Build that a Configuration names. */
export function buildNameOf({ metadata }: Configuration): string | undefined {
  const name = metadata.annotations?.[annotations.buildRef] ?? "";
  return name === "" ? undefined : name;
}

/** The image of a Build that a Revision was made with. */
export function builtImageOf({ metadata }: Revision): string | undefined {
  return metadata.annotations?.[annotations.builtImage];
}

function newestImageOf(build: string, revisions: readonly Revision[]): string | undefined {
  const made = revisions.filter(({ metadata }) => metadata.annotations?.[annotations.buildRef] === build);
  const newest = made.toSorted((a, b) => createdAt(b).localeCompare(createdAt(a)))[0];
  return newest === undefined ? undefined : builtImageOf(newest);
}

function createdAt({ metadata }: Revision): string {
  return metadata.creationTimestamp ?? "";
}

function progress(message: string | undefined): string {
  return message === undefined || message === "" ? "" : `: ${message}`;
}
