import { KReference } from "../../duck/destination.types.ts";
import { conditionSet, statusProperties } from "../../meta/conditions.ts";
import { readyColumns, type CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { described, optionalText, Type, type Static } from "../../meta/schema.ts";
import { eventingDefinitionLabels, eventingGroup } from "../v1/labels.ts";

/** One attribute that events of the type have. */
export const EventAttribute = Type.Object({
  name: optionalText("Name of the attribute."),
  required: Type.Optional(Type.Boolean({ description: "Whether every event of the type has it." })),
  value: optionalText("Its value; {name} in it stands for a part that varies. Absent: any."),
});
export type EventAttribute = Static<typeof EventAttribute>;

/**
 * What is known of a type of events: the fields of all versions. `attributes` is what v1beta3 has; `type`, `source`, `schema`,
 * `schemaData` and `broker` are those of v1beta1 and v1beta2. Defaults keep them in step.
 */
export const EventTypeSpec = Type.Object({
  reference: Type.Optional(described(KReference, "What the events come from, or where they can be had.")),
  description: optionalText("What the events are about."),
  attributes: Type.Optional(
    Type.Array(EventAttribute, { description: "Attributes of the events; type among them. As of v1beta3." }),
  ),
  type: optionalText("The type attribute of the events. Until v1beta2; in step with attributes."),
  source: optionalText("The source attribute of the events. Until v1beta2; in step with attributes."),
  schema: optionalText("URI of the schema of the events' data. Until v1beta2; in step with the attribute schemadata."),
  schemaData: optionalText("The schema of the events' data itself. Until v1beta2."),
  broker: optionalText("The Broker that has the events. Until v1beta2; reference says it now."),
});
export type EventTypeSpec = Static<typeof EventTypeSpec>;

/** What is observed of an EventType. */
export const EventTypeStatus = Type.Object({ ...statusProperties });
export type EventTypeStatus = Static<typeof EventTypeStatus>;

/** Says that events of a type can be had, for people and tools that look for events. */
export interface EventType extends KubeObject {
  spec: EventTypeSpec;
  status?: EventTypeStatus;
}

/** Names of an EventType's conditions. */
export const eventTypeConditions = { referenceExists: "ReferenceExists" } as const;

/** The EventType kind. */
export const EventType: CustomKind<EventType> = {
  group: eventingGroup,
  version: "v1beta3",
  kind: "EventType",
  plural: "eventtypes",
  singular: "eventtype",
  namespaced: true,
  shortNames: [],
  categories: ["all", "knative", "eventing"],
  description: "EventType says that events of a type can be had, for people and tools that look for events.",
  spec: EventTypeSpec,
  status: EventTypeStatus,
  printerColumns: [
    { name: "Type", type: "string", jsonPath: ".spec.type" },
    { name: "Source", type: "string", jsonPath: ".spec.source" },
    { name: "Schema", type: "string", jsonPath: ".spec.schema" },
    { name: "Reference Name", type: "string", jsonPath: ".spec.reference.name" },
    { name: "Reference Kind", type: "string", jsonPath: ".spec.reference.kind" },
    { name: "Description", type: "string", jsonPath: ".spec.description" },
    ...readyColumns,
  ],
  labels: eventingDefinitionLabels,
  conditions: conditionSet(Object.values(eventTypeConditions)),
  // Stored as Knative stores it, so that its clusters can be taken over.
  served: { versions: ["v1beta1", "v1beta2", "v1beta3"], stored: "v1beta2" },
};
