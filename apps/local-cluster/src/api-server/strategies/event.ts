import type { ApiObject } from "../api-object.ts";
import { stringAt } from "../api-object.ts";
import type { StoredForm, Strategy } from "../resource.ts";
import { plainStrategy } from "./plain.ts";

// Events have two APIs over the same objects: `v1`, in which they are stored, and `events.k8s.io/v1` with other names for the
// same fields. Selectors look at what is stored.

type FieldLabels = Readonly<Record<string, (event: ApiObject) => string>>;

function referenceLabels(prefix: string): FieldLabels {
  const fields = ["kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath"];
  return Object.fromEntries(
    fields.map((field) => [`${prefix}.${field}`, (event: ApiObject) => stringAt(event, "involvedObject", field)]),
  );
}

const controllerOf = (event: ApiObject): string => stringAt(event, "reportingComponent");
const sharedLabels: FieldLabels = {
  reason: (event) => stringAt(event, "reason"),
  type: (event) => stringAt(event, "type"),
};

/** Events of `v1`. */
export const eventStrategy: Strategy = {
  ...plainStrategy,
  fieldLabels: {
    ...referenceLabels("involvedObject"),
    ...sharedLabels,
    reportingComponent: controllerOf,
    source: (event) => stringAt(event, "source", "component") || controllerOf(event),
  },
};

/** Events of `events.k8s.io/v1`. */
export const newEventStrategy: Strategy = {
  ...plainStrategy,
  fieldLabels: { ...referenceLabels("regarding"), ...sharedLabels, reportingController: controllerOf },
};

const storedNames: Readonly<Record<string, string>> = {
  regarding: "involvedObject",
  note: "message",
  reportingController: "reportingComponent",
  deprecatedSource: "source",
  deprecatedFirstTimestamp: "firstTimestamp",
  deprecatedLastTimestamp: "lastTimestamp",
  deprecatedCount: "count",
};
const shownNames = Object.fromEntries(Object.entries(storedNames).map(([shown, stored]) => [stored, shown]));

/** How an Event of `events.k8s.io/v1` is stored as one of `v1`. */
export const newEventForm: StoredForm = {
  toView: (stored) => renamed(stored, shownNames),
  toStored: (view) => renamed(view, storedNames),
};

function renamed(event: ApiObject, names: Readonly<Record<string, string>>): ApiObject {
  const { apiVersion, kind, metadata, ...fields } = event;
  const entries = Object.entries(fields).map(([name, value]) => [names[name] ?? name, value]);
  return { apiVersion, kind, metadata, ...(Object.fromEntries(entries) as Record<string, unknown>) };
}
