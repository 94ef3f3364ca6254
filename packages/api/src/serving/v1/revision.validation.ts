import { specErrors } from "../../meta/schema-check.ts";
import { differenceText } from "../../meta/equality.ts";
import { fieldError, viaField, type FieldError } from "../../meta/field-error.ts";
import { validateObjectName } from "../../meta/object-meta.validation.ts";
import { validateAutoscalingAnnotations } from "../../autoscaling/v1alpha1/annotations.validation.ts";
import type { AdmissionContext } from "./context.ts";
import { labels } from "./labels.ts";
import { validateOwnerLabel } from "./metadata.validation.ts";
import { Revision } from "./revision.types.ts";
import { validateRevisionSpec } from "./template.validation.ts";

/** What is wrong with the object. Its spec never changes; its scaling annotations may. Default it first. */
export function validateRevision(revision: Revision, { config, old }: AdmissionContext<Revision>): FieldError[] {
  const shapeErrors = specErrors(Revision, revision);
  if (shapeErrors.length > 0) return shapeErrors;
  const { metadata } = revision;
  const scaling = validateAutoscalingAnnotations(metadata.annotations, config.autoscaler);
  const errors = [
    ...viaField([...validateObjectName(metadata), ...viaField(scaling, "annotations")], "metadata"),
    ...validateOwnerLabel(revision, { label: labels.configuration, kind: "Configuration" }),
  ];
  if (old === undefined) return [...errors, ...viaField(validateRevisionSpec(revision.spec ?? {}, config), "spec")];
  const difference = differenceText(old.spec, revision.spec);
  return difference === ""
    ? errors
    : [...errors, fieldError("Immutable fields changed (-old +new)", ["spec"], difference)];
}
