/** The body of every failed API call, and of a few successful ones. */
export interface Status {
  apiVersion?: string;
  kind?: string;
  metadata?: object;
  status?: string;
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code?: number;
}

/** What a Status says about the object and the fields that were refused. */
export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

/** One refused field: why (`FieldValueRequired`…), in words, and which. */
export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

/** How an error came about, beyond its message. */
export interface KubeErrorOptions {
  reason?: string;
  code?: number;
  details?: StatusDetails;
  cause?: unknown;
}

/** A refused or failed call to the Kubernetes API. `reason` and `code` are those of the Status it came with. */
export class KubeError extends Error {
  override name = "KubeError";
  readonly reason: string;
  readonly code: number;
  readonly details: StatusDetails | undefined;

  constructor(message: string, options: KubeErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.reason = options.reason ?? "InternalError";
    this.code = options.code ?? 500;
    this.details = options.details;
  }
}

/** The object (or its namespace, or the whole resource type) does not exist. Treat as the normal case it mostly is. */
export class NotFoundError extends KubeError {
  override name = "NotFoundError";
  constructor(message: string, options: KubeErrorOptions = {}) {
    super(message, { reason: "NotFound", code: 404, ...options });
  }
}

/** The name is taken. Read what is there, and decide whether it is ours. */
export class AlreadyExistsError extends KubeError {
  override name = "AlreadyExistsError";
  constructor(message: string, options: KubeErrorOptions = {}) {
    super(message, { reason: "AlreadyExists", code: 409, ...options });
  }
}

/** Somebody else wrote in between, or a precondition does not hold. Read again and retry. */
export class ConflictError extends KubeError {
  override name = "ConflictError";
  constructor(message: string, options: KubeErrorOptions = {}) {
    super(message, { reason: "Conflict", code: 409, ...options });
  }
}

/** The object was refused by validation; `details.causes` names the fields. Retrying the same object is useless. */
export class InvalidError extends KubeError {
  override name = "InvalidError";
  constructor(message: string, options: KubeErrorOptions = {}) {
    super(message, { reason: "Invalid", code: 422, ...options });
  }
}

/** We may not (401 or 403), or the namespace is going away. Wrong RBAC does not mend itself quickly: back off. */
export class ForbiddenError extends KubeError {
  override name = "ForbiddenError";
  constructor(message: string, options: KubeErrorOptions = {}) {
    super(message, { reason: "Forbidden", code: 403, ...options });
  }
}

/** The resource version or the continue token is too old. List again. */
export class ExpiredError extends KubeError {
  override name = "ExpiredError";
  constructor(message: string, options: KubeErrorOptions = {}) {
    super(message, { reason: "Expired", code: 410, ...options });
  }
}

/** No answer: refused or lost connection, timeout, overload or a server error. It may have been carried out. Retry later. */
export class UnavailableError extends KubeError {
  override name = "UnavailableError";
  constructor(message: string, options: KubeErrorOptions = {}) {
    super(message, { reason: "ServiceUnavailable", code: 503, ...options });
  }
}

type KubeErrorClass = new (message: string, options: KubeErrorOptions) => KubeError;

const CLASS_BY_REASON = new Map<string, KubeErrorClass>([
  ["NotFound", NotFoundError],
  ["AlreadyExists", AlreadyExistsError],
  ["Conflict", ConflictError],
  ["Invalid", InvalidError],
  ["BadRequest", InvalidError],
  ["Forbidden", ForbiddenError],
  ["Unauthorized", ForbiddenError],
  ["Expired", ExpiredError],
  ["Gone", ExpiredError],
  ["ServiceUnavailable", UnavailableError],
  ["ServerTimeout", UnavailableError],
  ["Timeout", UnavailableError],
  ["TooManyRequests", UnavailableError],
]);

const CLASS_BY_CODE = new Map<number, readonly [KubeErrorClass, string]>([
  [400, [InvalidError, "BadRequest"]],
  [401, [ForbiddenError, "Unauthorized"]],
  [403, [ForbiddenError, "Forbidden"]],
  [404, [NotFoundError, "NotFound"]],
  [409, [ConflictError, "Conflict"]],
  [410, [ExpiredError, "Expired"]],
  [422, [InvalidError, "Invalid"]],
  [429, [UnavailableError, "TooManyRequests"]],
  [502, [UnavailableError, "ServiceUnavailable"]],
  [503, [UnavailableError, "ServiceUnavailable"]],
  [504, [UnavailableError, "Timeout"]],
]);

/** The error for a failed call: by the Status' reason first, for only that tells AlreadyExists from Conflict, then by code. */
export function errorFromStatus(status: Status, httpCode?: number): KubeError {
  const code = status.code ?? httpCode ?? 500;
  const [classByCode, reasonByCode] = CLASS_BY_CODE.get(code) ?? [KubeError, "InternalError"];
  const errorClass = CLASS_BY_REASON.get(status.reason ?? "") ?? classByCode;
  const message = status.message ?? `the server answered ${code} without a reason`;
  return new errorClass(message, {
    reason: status.reason ?? reasonByCode,
    code,
    ...(status.details !== undefined && { details: status.details }),
  });
}

/** The Status that says this error on the wire; anything but a KubeError becomes a 500 InternalError. */
export function statusFromError(error: unknown): Status {
  const base = { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure" };
  if (!(error instanceof KubeError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { ...base, message: `Internal error occurred: ${message}`, reason: "InternalError", code: 500 };
  }
  const details = error.details === undefined ? {} : { details: error.details };
  return { ...base, message: error.message, reason: error.reason, ...details, code: error.code };
}

/** Any thrown value as an Error. */
export function toError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
