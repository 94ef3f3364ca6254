import type { ConditionSet } from "./conditions.ts";
import type { Kind } from "./kind.ts";
import type { KubeObject } from "./object-meta.ts";
import type { TSchema } from "./schema.ts";

/** A kind of ours: where its objects live, plus all that its CustomResourceDefinition says. */
export interface CustomKind<T extends KubeObject = KubeObject> extends Kind<T> {
  readonly singular: string;
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  /** What the kind is for, in one or two sentences for users. */
  readonly description: string;
  readonly spec: TSchema;
  readonly status: TSchema;
  readonly printerColumns: readonly PrinterColumn[];
  /** Labels of the CustomResourceDefinition itself. */
  readonly labels: Readonly<Record<string, string>>;
  /** The conditions in `status.conditions` and how `Ready` follows from them. */
  readonly conditions: ConditionSet;
  /**
   * Other versions under which the same objects are served, with the same schema; which one they are stored in. Default: `version`
   * alone. No conversion takes place: defaults and validation must keep the fields of all versions in step.
   */
  readonly served?: { readonly versions: readonly string[]; readonly stored: string };
}

/** One column of `kubectl get`. */
export interface PrinterColumn {
  readonly name: string;
  readonly type: "string" | "integer" | "date" | "boolean";
  readonly jsonPath: string;
}

/** The two columns that end every Knative kind's table. */
export const readyColumns: readonly PrinterColumn[] = [
  { name: "Ready", type: "string", jsonPath: ".status.conditions[?(@.type=='Ready')].status" },
  { name: "Reason", type: "string", jsonPath: ".status.conditions[?(@.type=='Ready')].reason" },
];

/** The column of those that take something at an address. */
export const urlColumn: PrinterColumn = { name: "URL", type: "string", jsonPath: ".status.address.url" };

/** How old the object is. */
export const ageColumn: PrinterColumn = { name: "Age", type: "date", jsonPath: ".metadata.creationTimestamp" };
