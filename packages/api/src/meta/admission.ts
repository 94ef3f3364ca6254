import type { CustomKind } from "./custom-kind.ts";
import { fieldErrorText, fieldWarningTexts, hasErrors, type FieldError } from "./field-error.ts";
import type { KubeObject } from "./object-meta.ts";

/** What is asked before an object is stored: the fields of an AdmissionRequest that count here. */
export interface AdmissionQuestion {
  readonly operation: string;
  readonly kind: { readonly group: string; readonly kind: string };
  readonly subResource?: string;
  /** The object as it is stored; absent on CREATE. */
  readonly oldObject?: KubeObject;
}

/** Whether an object may be stored. No `denied`: it may. The warnings are for its author in any case. */
export interface AdmissionAnswer {
  readonly denied?: string;
  readonly warnings: readonly string[];
}

/** The defaults and the validation of one kind. `C` is what they know besides the object; `old` is added on update. */
export interface AdmittedKind<T extends KubeObject, C> {
  readonly kind: CustomKind<T>;
  /** Fills in what is absent, in place. */
  readonly default: (object: T, context: C & { readonly old?: T }) => void;
  readonly validate: (object: T, context: C & { readonly old?: T }) => FieldError[];
}

/** What admission does with objects of several kinds. Objects of other kinds are let through as they are. */
export interface AdmissionRules<C> {
  /** Fills in what is absent, in place. */
  default(object: KubeObject, question: AdmissionQuestion, context: C): void;
  /** Undefined: nobody looked. */
  validate(object: KubeObject, question: AdmissionQuestion, context: C): AdmissionAnswer | undefined;
}

/** One kind among others, whose objects are no longer told apart by type. Made by `admitKind`. */
export type AnyAdmittedKind<C> = readonly [name: string, Omit<AdmittedKind<KubeObject, C>, "kind">];

/** Forgets which type the kind's objects have. The API server sends an object under its kind: that is what the casts rest on. */
export function admitKind<T extends KubeObject, C>(admitted: AdmittedKind<T, C>): AnyAdmittedKind<C> {
  type Context = C & { readonly old?: T };
  const { kind, default: fill, validate } = admitted;
  return [
    nameOf(kind),
    {
      default: (object, context) => fill(object as T, context as Context),
      validate: (object, context) => validate(object as T, context as Context),
    },
  ];
}

/**
 * The rules of several kinds, in whichever version an object is written. Whatever is being deleted is let through, for it must be
 * able to lose its finalizers, and so is every status, which is its controller's.
 */
export function makeAdmissionRules<C>(kinds: readonly AnyAdmittedKind<C>[]): AdmissionRules<C> {
  const byName = new Map(kinds);
  const find = (object: KubeObject, { operation, subResource = "", kind }: AdmissionQuestion) => {
    const isLetThrough =
      object.metadata.deletionTimestamp !== undefined || operation === "DELETE" || subResource !== "";
    return isLetThrough ? undefined : byName.get(nameOf(kind));
  };
  const withOld = (context: C, { oldObject }: AdmissionQuestion): C & { readonly old?: KubeObject } => ({
    ...context,
    ...(oldObject === undefined ? {} : { old: oldObject }),
  });
  return {
    default(object, question, context) {
      find(object, question)?.default(object, withOld(context, question));
    },
    validate(object, question, context) {
      const errors = find(object, question)?.validate(object, withOld(context, question));
      if (errors === undefined) return undefined;
      const denied = hasErrors(errors) ? { denied: `validation failed: ${fieldErrorText(errors)}` } : {};
      return { ...denied, warnings: fieldWarningTexts(errors) };
    },
  };
}

function nameOf({ group, kind }: { readonly group: string; readonly kind: string }): string {
  return `${group}/${kind}`;
}
