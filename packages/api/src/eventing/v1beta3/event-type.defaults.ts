import { defaultReference } from "../../duck/destination.defaults.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { EventType, type EventAttribute, type EventTypeSpec } from "./event-type.types.ts";

/**
 * Fills in what the author left out. Changes the object given; give it a copy. The fields of the version that the object is written
 * in (its `apiVersion`) are what counts; those of the other versions are made from them, so that each client finds its own. This
 * stands in place of a conversion webhook.
 */
export function defaultEventType(eventType: EventType): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(EventType, eventType).length > 0) return;
  const spec = (eventType.spec ??= {});
  // Without attributes it is one that Knative stored, and that nobody has written since.
  if (isWrittenByAttributes(eventType) && (spec.attributes ?? []).length > 0) setFlatFields(spec);
  else setAttributes(spec);
  defaultReference(spec.reference, eventType.metadata.namespace);
}

/** Whether the object is written in a version whose truth is in `attributes`. */
export function isWrittenByAttributes({ apiVersion = "" }: EventType): boolean {
  return !/\/v1beta[12]$/.test(apiVersion);
}

const flatFields = [
  ["type", "type"],
  ["source", "source"],
  ["schema", "schemadata"],
] as const;

// schemaData and broker have no attribute, and stay as they are.
function setFlatFields(spec: EventTypeSpec): void {
  for (const [field, name] of flatFields) {
    const value = spec.attributes?.find((attribute) => attribute.name === name)?.value;
    if (value === undefined) delete spec[field];
    else spec[field] = value;
  }
}

// What v1beta3 added of its own stays.
function setAttributes(spec: EventTypeSpec): void {
  const known = ["specversion", "id", "type", "source", "schemadata"];
  const others = (spec.attributes ?? []).filter(({ name = "" }) => !known.includes(name));
  spec.attributes = [
    { name: "specversion", required: true },
    { name: "id", required: true },
    attributeOf("type", spec.type),
    attributeOf("source", spec.source),
    ...(isGiven(spec.schema) ? [{ ...attributeOf("schemadata", spec.schema), required: false }] : []),
    ...others,
  ];
  if (isGiven(spec.broker) && spec.reference === undefined) {
    spec.reference = { apiVersion: "eventing.knative.dev/v1", kind: "Broker", name: spec.broker };
  }
}

function attributeOf(name: string, value: string | undefined): EventAttribute {
  return { name, required: true, ...(isGiven(value) ? { value } : {}) };
}

function isGiven(value: string | undefined): value is string {
  return value !== undefined && value !== "";
}
