import { isDiskFull } from "../storage/durable-file.ts";

/** The specification's error codes, and two of our own for what it has no word for. */
export type ErrorCode =
  | "BLOB_UNKNOWN"
  | "BLOB_UPLOAD_INVALID"
  | "BLOB_UPLOAD_UNKNOWN"
  | "DIGEST_INVALID"
  | "MANIFEST_BLOB_UNKNOWN"
  | "MANIFEST_INVALID"
  | "MANIFEST_UNKNOWN"
  | "NAME_INVALID"
  | "NAME_UNKNOWN"
  | "SIZE_INVALID"
  | "UNAUTHORIZED"
  | "UNSUPPORTED"
  | "TOOMANYREQUESTS"
  | "STORAGE_FULL"
  | "UNKNOWN";

const statuses: Readonly<Record<ErrorCode, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
  STORAGE_FULL: 507,
  UNKNOWN: 500,
};

/** How a refusal differs from what its code says. */
export interface RefusalOptions {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A refusal that the client is told as it is. */
export class RegistryError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, { status, headers = {} }: RefusalOptions = {}) {
    super(message);
    this.name = "RegistryError";
    this.code = code;
    this.status = status ?? statuses[code];
    this.headers = headers;
  }
}

/** A refusal made of anything that was thrown; what goes wrong inside is only said to be so. */
export function toRegistryError(error: unknown): RegistryError {
  if (error instanceof RegistryError) return error;
  const { statusCode, message } = (error ?? {}) as { statusCode?: unknown; message?: unknown };
  if (isDiskFull(error)) {
    return new RegistryError("STORAGE_FULL", "the registry's disk is full: free some space, then push again");
  }
  if (typeof statusCode === "number" && statusCode < 500) {
    return new RegistryError("UNSUPPORTED", String(message), { status: statusCode });
  }
  return new RegistryError("UNKNOWN", "the request failed for a reason that is in the registry's log");
}
