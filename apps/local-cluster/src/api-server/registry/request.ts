import type { Store } from "../../storage/store.ts";
import type { Admission } from "../admission/admission.ts";
import type { User } from "../identity/user.ts";
import type { Resource } from "../resource.ts";
import type { Resources } from "../resources.ts";

/** What all verbs of the registry work on. */
export interface Registry {
  readonly store: Store;
  readonly resources: Resources;
  readonly admission: Admission;
  readonly now: () => Date;
  /** Resolves when the write of an object of this resource, committed before, may be reported to its client as done. */
  readonly acknowledge: (resource: Resource) => Promise<void>;
}

/** The part of a request that all verbs share. */
export interface RequestScope {
  readonly resource: Resource;
  /** Empty for cluster-scoped kinds, and for lists over all namespaces. */
  readonly namespace: string;
  readonly user: User;
}

export type FieldValidation = "Ignore" | "Warn" | "Strict";

export interface WriteRequest extends RequestScope {
  readonly subresource?: string;
  readonly dryRun: boolean;
  /** Who is noted as the owner of changed fields, on objects that were applied server-side. */
  readonly fieldManager?: string;
  /** The body says itself who owns what: it comes from a server-side apply. */
  readonly ownsFields?: boolean;
  readonly fieldValidation: FieldValidation;
  /** Receives texts for the Warning header. */
  warn(text: string): void;
}
