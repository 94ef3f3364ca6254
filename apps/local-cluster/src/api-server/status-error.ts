// Failures as Kubernetes' `Status` objects. Clients branch on `reason` first and on the code second.

export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface Status {
  kind: "Status";
  apiVersion: "v1";
  metadata: { resourceVersion?: string; continue?: string };
  status: "Success" | "Failure";
  message?: string;
  reason?: string;
  details?: StatusDetails;
  code: number;
}

/** What names a resource in an error: `deployments.apps`. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
}

interface StatusBody {
  readonly message: string;
  readonly details?: StatusDetails;
  readonly continueToken?: string;
}

/** A refusal that goes to the client as it is. Anything else that is thrown becomes a 500. */
export class StatusError extends Error {
  override readonly name = "StatusError";
  readonly status: Status;

  constructor(code: number, reason: string, body: StatusBody) {
    super(body.message);
    this.status = {
      kind: "Status",
      apiVersion: "v1",
      metadata: body.continueToken === undefined ? {} : { continue: body.continueToken },
      status: "Failure",
      message: body.message,
      reason,
      ...(body.details === undefined ? {} : { details: body.details }),
      code,
    };
  }
}

function qualified({ group, plural }: ResourceName): string {
  return group === "" ? plural : `${plural}.${group}`;
}

function detailsOf(resource: ResourceName, name: string): StatusDetails {
  return { name, ...(resource.group === "" ? {} : { group: resource.group }), kind: resource.plural };
}

export function notFound(resource: ResourceName, name: string): StatusError {
  return new StatusError(404, "NotFound", {
    message: `${qualified(resource)} "${name}" not found`,
    details: detailsOf(resource, name),
  });
}

/** The answer to a resource type, or a path, that is not served at all. */
export function noSuchResource(): StatusError {
  return new StatusError(404, "NotFound", {
    message: "the server could not find the requested resource",
    details: {},
  });
}

export function alreadyExists(resource: ResourceName, name: string, prefix = ""): StatusError {
  return new StatusError(409, "AlreadyExists", {
    message: `${prefix}${qualified(resource)} "${name}" already exists`,
    details: detailsOf(resource, name),
  });
}

export function generatedNameTaken(resource: ResourceName, name: string): StatusError {
  return new StatusError(409, "AlreadyExists", {
    message: `${qualified(resource)} "${name}" already exists, the server was not able to generate a unique name for the object`,
    details: { ...detailsOf(resource, name), retryAfterSeconds: 1 },
  });
}

export function conflict(resource: ResourceName, name: string, cause?: string): StatusError {
  const detail = cause ?? "the object has been modified; please apply your changes to the latest version and try again";
  return new StatusError(409, "Conflict", {
    message: `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${detail}`,
    details: detailsOf(resource, name),
  });
}

/** The answer to a server-side apply of fields that others own. */
export function applyConflict(causes: StatusCause[], message: string): StatusError {
  return new StatusError(409, "Conflict", { message, details: { causes } });
}

export function forbidden(
  resource: ResourceName,
  name: string,
  { message, causes }: { message: string; causes?: StatusCause[] },
): StatusError {
  const { name: _, ...unnamed } = detailsOf(resource, name);
  return new StatusError(403, "Forbidden", {
    message: `${qualified(resource)}${name === "" ? "" : ` "${name}"`} is forbidden: ${message}`,
    details: { ...(name === "" ? unnamed : detailsOf(resource, name)), ...(causes === undefined ? {} : { causes }) },
  });
}

/** The refusal of a path that names no resource. */
export function forbiddenOutright(message: string): StatusError {
  return new StatusError(403, "Forbidden", { message: `forbidden: ${message}`, details: {} });
}

/** An object can be wrong in as many places as it has fields; the first ones tell enough. */
const causesMax = 50;

export function invalid(resource: ResourceName, name: string, all: readonly StatusCause[]): StatusError {
  const causes = all.slice(0, causesMax);
  const texts = causes.map((cause) => (cause.field === undefined ? cause.message : `${cause.field}: ${cause.message}`));
  if (all.length > causesMax) texts.push(`and ${all.length - causesMax} more`);
  const subject = resource.group === "" ? resource.kind : `${resource.kind}.${resource.group}`;
  const text = texts.length === 1 ? texts[0] : `[${texts.join(", ")}]`;
  return new StatusError(422, "Invalid", {
    message: `${subject} "${name}" is invalid: ${text}`,
    details: {
      name,
      ...(resource.group === "" ? {} : { group: resource.group }),
      kind: resource.kind,
      causes: [...causes],
    },
  });
}

export function badRequest(message: string): StatusError {
  return new StatusError(400, "BadRequest", { message });
}

export function unauthorized(): StatusError {
  return new StatusError(401, "Unauthorized", { message: "Unauthorized" });
}

export function methodNotAllowed(resource: ResourceName, verb: string): StatusError {
  return new StatusError(405, "MethodNotAllowed", {
    message: `${verb} is not supported on resources of kind "${qualified(resource)}"`,
    details: { ...(resource.group === "" ? {} : { group: resource.group }), kind: resource.plural },
  });
}

export function notAcceptable(supported: readonly string[]): StatusError {
  return new StatusError(406, "NotAcceptable", {
    message: `only the following media types are accepted: ${supported.join(", ")}`,
  });
}

export function unsupportedMediaType(supported: readonly string[], detail = ""): StatusError {
  return new StatusError(415, "UnsupportedMediaType", {
    message: `the body of the request was in an unknown format - accepted media types include: ${supported.join(", ")}${detail}`,
  });
}

export function tooLarge(bytesMax: number): StatusError {
  return new StatusError(413, "RequestEntityTooLarge", {
    message: `Request entity too large: limit is ${bytesMax}`,
  });
}

/** `continueToken` lets the client go on with a list whose beginning is no longer what it was. */
export function expired(message: string, continueToken?: string): StatusError {
  return new StatusError(410, "Expired", { message, ...(continueToken !== undefined && { continueToken }) });
}

export function tooLargeRevision(asked: number, current: number): StatusError {
  const causes = [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }];
  return new StatusError(504, "Timeout", {
    message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
    details: { causes, retryAfterSeconds: 1 },
  });
}

export function internalError(message: string): StatusError {
  return new StatusError(500, "InternalError", {
    message: `Internal error occurred: ${message}`,
    details: { causes: [{ reason: "", message }] },
  });
}

/** The answer to a write that the disk does not take. */
export function unwritable(message: string, { isFull }: { isFull: boolean }): StatusError {
  const body = { message, details: { causes: [{ reason: "", message }] } };
  return isFull ? new StatusError(507, "InsufficientStorage", body) : new StatusError(500, "InternalError", body);
}

export function notImplemented(message: string): StatusError {
  return new StatusError(501, "NotImplemented", { message });
}

/** The answer to a deletion that is complete. */
export function successStatus(resource: ResourceName, name: string, uid: string | undefined): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    details: { ...detailsOf(resource, name), ...(uid === undefined ? {} : { uid }) },
    code: 200,
  };
}
