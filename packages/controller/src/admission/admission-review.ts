import type { KubeObject } from "@kelvin/api";
import { deepCopy, InvalidError, isSemanticallyEqual, toError } from "@kelvin/kube";
import type { JsonPatchOperation } from "@kelvin/kube";
import type { Log } from "../log.ts";

/** What the API server asks to be let through: the fields of an AdmissionRequest that handlers use. */
export interface AdmissionRequest {
  readonly uid: string;
  readonly operation: "CREATE" | "UPDATE" | "DELETE" | "CONNECT";
  readonly kind: { readonly group: string; readonly version: string; readonly kind: string };
  readonly namespace?: string;
  readonly name?: string;
  /** Such as `status`; absent for the object itself. */
  readonly subResource?: string;
  readonly userInfo: { readonly username?: string; readonly groups?: readonly string[] };
  /** Absent on DELETE. */
  readonly object?: KubeObject;
  /** The object as it is stored; absent on CREATE. */
  readonly oldObject?: KubeObject;
  readonly dryRun: boolean;
}

/** What a validation found. No `denied` means allowed. */
export interface AdmissionVerdict {
  /** Why the request is refused: the user reads it. */
  readonly denied?: string;
  /** Shown to the user whether or not the request is refused. */
  readonly warnings?: readonly string[];
}

/** One webhook: what the API server reaches under `path`. */
export interface AdmissionWebhook {
  /** As in the webhook configuration's `clientConfig.service.path`, such as `/defaulting`. */
  readonly path: string;
  /** Gives the object as it should be stored; may change the one it is given, which is a copy. Not called on DELETE. */
  readonly mutate?: (object: KubeObject, request: AdmissionRequest) => KubeObject | Promise<KubeObject>;
  /** Gives a message to refuse the request with. On DELETE it is given the object that is to go. */
  readonly validate?: (
    object: KubeObject,
    request: AdmissionRequest,
  ) => AdmissionVerdict | string | undefined | Promise<AdmissionVerdict | string | undefined>;
}

/** The answer, as AdmissionReview's `response`. */
export interface AdmissionResponse {
  readonly uid: string;
  readonly allowed: boolean;
  readonly status?: { readonly code: number; readonly reason: string; readonly message: string };
  readonly warnings?: readonly string[];
  readonly patchType?: "JSONPatch";
  /** Base64 of the JSON patch. */
  readonly patch?: string;
}

const REVIEW_VERSION = "admission.k8s.io/v1";
const OPERATIONS = new Set(["CREATE", "UPDATE", "DELETE", "CONNECT"]);

/** Reads the body of a webhook call. @throws InvalidError that names what is wrong with it. */
export function parseAdmissionReview(body: string): AdmissionRequest {
  let review: unknown;
  try {
    review = JSON.parse(body);
  } catch (error) {
    throw new InvalidError("the body is not JSON", { cause: error });
  }
  const { apiVersion, kind, request } = recordOf(review);
  if (kind !== "AdmissionReview" || apiVersion !== REVIEW_VERSION) {
    throw new InvalidError(
      `want an AdmissionReview of ${REVIEW_VERSION}, got kind "${text(kind)}" of "${text(apiVersion)}"`,
    );
  }
  return parseRequest(recordOf(request));
}

function parseRequest(fields: Record<string, unknown>): AdmissionRequest {
  const [uid, operation] = [text(fields["uid"]), text(fields["operation"])];
  if (uid === "") throw new InvalidError("request.uid is missing");
  if (!isOperation(operation)) throw new InvalidError(`request.operation "${operation}" is not known`);
  const kind = recordOf(fields["kind"]);
  return {
    uid,
    operation,
    kind: { group: text(kind["group"]), version: text(kind["version"]), kind: text(kind["kind"]) },
    ...textField(fields, "namespace"),
    ...textField(fields, "name"),
    ...textField(fields, "subResource"),
    userInfo: parseUser(recordOf(fields["userInfo"])),
    dryRun: fields["dryRun"] === true,
    ...objectField(fields, "object"),
    ...objectField(fields, "oldObject"),
  };
}

function isOperation(operation: string): operation is AdmissionRequest["operation"] {
  return OPERATIONS.has(operation);
}

function parseUser({ username, groups }: Record<string, unknown>): AdmissionRequest["userInfo"] {
  const names = Array.isArray(groups) ? groups.filter((group) => typeof group === "string") : [];
  return { username: text(username), groups: names };
}

function textField(fields: Record<string, unknown>, name: "namespace" | "name" | "subResource"): object {
  return text(fields[name]) === "" ? {} : { [name]: fields[name] };
}

/** The API server sends null for what is absent. */
function objectField(fields: Record<string, unknown>, name: "object" | "oldObject"): Partial<AdmissionRequest> {
  const value = fields[name];
  if (value === undefined || value === null) return {};
  const object = recordOf(value);
  if (typeof object["metadata"] !== "object") throw new InvalidError(`request.${name} is not a Kubernetes object`);
  return { [name]: object };
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};
}

/** Runs a webhook's handlers. Never throws: a handler that fails refuses the request, and says so in the log. */
export async function answerAdmission(
  webhook: AdmissionWebhook,
  request: AdmissionRequest,
  log: Log,
): Promise<AdmissionResponse> {
  try {
    return await runHandlers(webhook, request);
  } catch (thrown) {
    const err = toError(thrown);
    log.error({ err, path: webhook.path, kind: request.kind.kind, name: request.name }, "Admission handler failed");
    const message = `the webhook failed: ${err.message}`;
    return { uid: request.uid, allowed: false, status: { code: 500, reason: "InternalError", message } };
  }
}

async function runHandlers(webhook: AdmissionWebhook, request: AdmissionRequest): Promise<AdmissionResponse> {
  const { uid, object } = request;
  const mutated = await mutate(webhook, request);
  const { denied, warnings = [] } = await validate(webhook, request, mutated ?? request.oldObject);
  const told = warnings.length === 0 ? {} : { warnings };
  if (denied !== undefined) {
    return { uid, allowed: false, status: { code: 400, reason: "BadRequest", message: denied }, ...told };
  }
  if (object === undefined || mutated === undefined || isSemanticallyEqual(object, mutated)) {
    return { uid, allowed: true, ...told };
  }
  const patch = JSON.stringify(await makeJsonPatch(object, mutated));
  return { uid, allowed: true, ...told, patchType: "JSONPatch", patch: Buffer.from(patch).toString("base64") };
}

async function mutate(webhook: AdmissionWebhook, request: AdmissionRequest): Promise<KubeObject | undefined> {
  const { object } = request;
  if (object === undefined || webhook.mutate === undefined) return object;
  return webhook.mutate(deepCopy(object), request);
}

async function validate(
  webhook: AdmissionWebhook,
  request: AdmissionRequest,
  object: KubeObject | undefined,
): Promise<AdmissionVerdict> {
  if (object === undefined) return {};
  const found = await webhook.validate?.(object, request);
  return typeof found === "string" ? { denied: found } : (found ?? {});
}

/** The RFC 6902 operations that make `after` of `before`. */
export async function makeJsonPatch(before: KubeObject, after: KubeObject): Promise<JsonPatchOperation[]> {
  const { createPatch } = await import("rfc6902");
  return createPatch(before, after);
}

/** The AdmissionReview that carries the response. */
export function admissionReviewOf(response: AdmissionResponse): object {
  return { apiVersion: REVIEW_VERSION, kind: "AdmissionReview", response };
}
