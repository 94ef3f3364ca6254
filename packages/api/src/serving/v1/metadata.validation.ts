import { parseDuration } from "../../meta/duration.ts";
import { isSemanticallyEqual } from "../../meta/equality.ts";
import {
  fieldError,
  invalidKeyName,
  invalidValue,
  missingField,
  viaField,
  type FieldError,
} from "../../meta/field-error.ts";
import type { KubeObject, ObjectMeta } from "../../meta/object-meta.ts";
import { validateObjectName } from "../../meta/object-meta.validation.ts";
import { autoscalingGroup } from "../../autoscaling/v1alpha1/annotations.ts";
import { annotations, labels } from "./labels.ts";

type Annotations = ObjectMeta["annotations"];

/** Metadata of a Service, Configuration or Route: its name, and no autoscaling annotations, which belong to the template. */
export function validateMetadata(metadata: ObjectMeta): FieldError[] {
  const misplaced = Object.keys(metadata.annotations ?? {})
    .filter((key) => key.startsWith(`${autoscalingGroup}/`))
    .map((key) => invalidKeyName(key, "annotations", misplacedText));
  return viaField([...validateObjectName(metadata), ...misplaced], "metadata");
}

const misplacedText = 'autoscaling annotations must be put under "spec.template.metadata.annotations" to work';

/** A label that names the owner must tell the truth. */
export function validateOwnerLabel(
  { metadata }: KubeObject,
  owner: { label: (typeof labels)[keyof typeof labels]; kind: string },
): FieldError[] {
  const name = metadata.labels?.[owner.label];
  if (name === undefined) return [];
  const isOwned = (metadata.ownerReferences ?? []).some((ref) => ref.kind === owner.kind && ref.name === name);
  return isOwned ? [] : viaField([missingField(owner.label)], "metadata.labels");
}

/** The rollout duration of a Service or Route. */
export function validateRolloutDuration(metadata: ObjectMeta): FieldError[] {
  const keys = [annotations.rolloutDuration, annotations.rolloutDurationAlternative];
  const key = keys.find((candidate) => metadata.annotations?.[candidate] !== undefined);
  if (key === undefined) return [];
  const errors = validateWholeSeconds(metadata.annotations?.[key] ?? "", { key, name: "rollout-duration" });
  return viaField(errors, "metadata.annotations");
}

/** The progress deadline of a Revision; the path is that of the annotation in its map. */
export function validateProgressDeadline(given: Annotations): FieldError[] {
  const key = annotations.progressDeadline;
  return validateWholeSeconds(given?.[key] ?? "", { key, name: "progress-deadline" });
}

function validateWholeSeconds(value: string, { key, name }: { key: string; name: string }): FieldError[] {
  if (value === "") return [];
  let durationMs: number;
  try {
    durationMs = parseDuration(value);
  } catch {
    // Only what is not a duration throws, and the value is in the message.
    return [invalidValue(value, key)];
  }
  if (durationMs % 1000 !== 0) return [fieldError(`${name}=${value} is not at second precision`, [key])];
  return durationMs < 0 ? [fieldError(`${name}=${value} must be positive`, [key])] : [];
}

interface ObjectWithSpec extends KubeObject {
  spec: unknown;
}

/** The creator never changes, the last modifier only with the spec. */
export function validateUserAnnotations(object: ObjectWithSpec, old: ObjectWithSpec): FieldError[] {
  const errors: FieldError[] = [];
  const [before, after] = [old.metadata.annotations ?? {}, object.metadata.annotations ?? {}];
  if (before[annotations.creator] !== after[annotations.creator]) {
    errors.push(fieldError("annotation value is immutable", [annotations.creator]));
  }
  const modifier = after[annotations.lastModifier];
  if (before[annotations.lastModifier] !== modifier && isSemanticallyEqual(object.spec, old.spec)) {
    errors.push(invalidValue(modifier ?? "", annotations.lastModifier));
  }
  return viaField(errors, "metadata.annotations");
}
