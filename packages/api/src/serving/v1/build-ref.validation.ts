import { fieldError, invalidValue, viaField, type FieldError } from "../../meta/field-error.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import { annotations } from "./labels.ts";
import type { RevisionTemplate } from "./revision.types.ts";

/** A name as build.knative.dev gives its objects. */
const BUILD_NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** The annotations that let a Service or Configuration run what a Build makes. */
export function validateBuildRef(metadata: ObjectMeta, template: RevisionTemplate): FieldError[] {
  const build = metadata.annotations?.[annotations.buildRef];
  const container = metadata.annotations?.[annotations.buildContainer];
  if (build === undefined) return container === undefined ? [] : at([aloneError]);
  const errors = BUILD_NAME.test(build) ? [] : at([invalidValue(build, annotations.buildRef)]);
  if (container !== undefined) errors.push(...validateContainer(container, template));
  const revisionName = template.metadata?.name ?? "";
  return revisionName === "" ? errors : [...errors, namedRevision];
}

function validateContainer(container: string, { spec }: RevisionTemplate): FieldError[] {
  const names = (spec?.containers ?? []).map(({ name }) => name);
  if (names.includes(container)) return [];
  return at([fieldError(unknownContainer(container, names), [annotations.buildContainer])]);
}

const aloneError = fieldError(`has no meaning without ${annotations.buildRef}`, [annotations.buildContainer]);

/** Each new image is a Revision of its own, and one name cannot stand for several. */
const namedRevision = fieldError(
  `must not be set together with the annotation ${annotations.buildRef}: each built image makes a Revision of its own`,
  ["spec.template.metadata.name"],
);

function unknownContainer(name: string, known: readonly (string | undefined)[]): string {
  return `no container "${name}" in the template (it has: ${known.map((given) => given ?? "").join(", ")})`;
}

function at(errors: FieldError[]): FieldError[] {
  return viaField(errors, "metadata.annotations");
}
