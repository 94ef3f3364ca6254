import type { ApiObject } from "../api-object.ts";
import type { WriteRequest } from "../registry/request.ts";

/** One write, before it is stored. `object` is absent for DELETE, `oldObject` for CREATE. */
export interface AdmissionReviewed {
  readonly operation: "CREATE" | "UPDATE" | "DELETE";
  readonly request: WriteRequest;
  readonly name: string;
  readonly object?: ApiObject;
  readonly oldObject?: ApiObject;
}

/** What stands between a valid request and the store. Both refuse by throwing a StatusError. */
export interface Admission {
  /** Returns the object to go on with: the one given, or a changed copy. */
  mutate(reviewed: AdmissionReviewed & { readonly object: ApiObject }): Promise<ApiObject>;
  validate(reviewed: AdmissionReviewed): Promise<void>;
}
