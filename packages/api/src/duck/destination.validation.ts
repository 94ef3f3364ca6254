import {
  asWarning,
  disallowedField,
  fieldError,
  invalidValue,
  missingField,
  viaField,
  type FieldError,
} from "../meta/field-error.ts";
import type { EventingFeatures } from "../eventing/config/features-config.ts";
import { deliveryMsMax } from "./delivery.ts";
import type { DeliverySpec, Destination, KReference } from "./destination.types.ts";
import { forbiddenHostReason } from "./forbidden-host.ts";
import { hasLostDecimals, parsePeriod } from "./period.ts";

const { X509Certificate } = process.getBuiltinModule("node:crypto");

/** The features that decide what destinations and deliveries may say. */
export type DeliveryFeatures = Pick<EventingFeatures, "kreferenceGroup" | "deliveryTimeout" | "deliveryRetryAfter">;

/** What is wrong with a reference. */
export function validateReference(ref: KReference, features: DeliveryFeatures): FieldError[] {
  return [
    ...((ref.name ?? "") === "" ? [missingField("name")] : []),
    ...(features.kreferenceGroup === "Disabled" ? validateVersion(ref) : validateVersionOrGroup(ref)),
    ...((ref.kind ?? "") === "" ? [missingField("kind")] : []),
  ];
}

function validateVersion({ apiVersion = "", group = "" }: KReference): FieldError[] {
  return [
    ...(apiVersion === "" ? [missingField("apiVersion")] : []),
    ...(group === "" ? [] : [{ ...disallowedField("group"), details: "it needs the feature kreference-group" }]),
  ];
}

function validateVersionOrGroup({ apiVersion = "", group = "" }: KReference): FieldError[] {
  if (apiVersion === "" && group === "") return [missingField("apiVersion"), missingField("group")];
  if (apiVersion === "" || group === "" || apiVersion.startsWith(`${group}/`)) return [];
  return [fieldError(groupsDiffer, ["apiVersion", "group"], "Only one of them should be specified")];
}

const groupsDiffer = "both apiVersion and group are specified and they refer to different API groups";

/** Whether nothing is said at all, which counts as absent. */
export function isEmptyDestination(destination: Destination | undefined): boolean {
  const { ref, uri, CACerts, audience } = destination ?? {};
  return [ref, uri, CACerts, audience].every((value) => value === undefined);
}

/** What is wrong with a destination that is needed or given. */
export function validateDestination(destination: Destination, features: DeliveryFeatures): FieldError[] {
  const { ref, uri, CACerts } = destination;
  if (ref === undefined && uri === undefined) return [fieldError("expected at least one, got none", ["ref", "uri"])];
  if (ref !== undefined && uri !== undefined && hasScheme(uri)) {
    return [fieldError(absoluteWithRef, ["[apiVersion, kind, name]", "ref", "uri"])];
  }
  return [
    ...viaField(ref === undefined ? [] : validateReference(ref, features), "ref"),
    ...(uri === undefined ? [] : validateUri(uri, ref !== undefined)),
    ...(CACerts === undefined ? [] : validateCertificates(CACerts)),
  ];
}

const absoluteWithRef = "Absolute URI is not allowed when Ref or [apiVersion, kind, name] is present";
const relativeAlone = "Relative URI is not allowed when Ref and [apiVersion, kind, name] is absent";

function hasScheme(uri: string): boolean {
  return /^[a-z][a-z0-9+.-]*:/i.test(uri);
}

function validateUri(uri: string, isRelative: boolean): FieldError[] {
  if (isRelative) {
    return URL.canParse(uri, "http://base") ? [] : [invalidValue(uri, "uri", "must be a relative URI such as /path")];
  }
  if (!/^[a-z][a-z0-9+.-]*:\/\/[^/?#]/i.test(uri)) return [invalidValue(relativeAlone, "uri")];
  const url = URL.canParse(uri) ? new URL(uri) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    return [invalidValue(uri, "uri", "must be a URL that begins with http:// or https://")];
  }
  const forbidden = forbiddenHostReason(url.hostname);
  return forbidden === undefined ? [] : [invalidValue(uri, "uri", forbidden)];
}

// One error for any number of certificates: it is the text as a whole that somebody pasted.
function validateCertificates(pem: string): FieldError[] {
  const blocks = [...pem.matchAll(/-----BEGIN ([A-Z0-9 ]+)-----[^-]*-----END \1-----/g)];
  if (blocks.length === 0) return [invalidValue("CA Cert provided is invalid", "caCert")];
  if (blocks.some(([, type]) => type !== "CERTIFICATE")) {
    return [invalidValue("CA Cert provided is not a certificate", "caCert")];
  }
  try {
    for (const [block] of blocks) new X509Certificate(block);
    return [];
  } catch {
    // What OpenSSL says of it helps nobody.
    return [invalidValue("CA Cert provided is invalid", "caCert")];
  }
}

/** What is wrong with a delivery spec, with warnings for durations that are read otherwise than written. */
export function validateDelivery(delivery: DeliverySpec | undefined, features: DeliveryFeatures): FieldError[] {
  if (delivery === undefined) return [];
  const { deadLetterSink, retry, timeout, backoffPolicy, backoffDelay, retryAfterMax, format } = delivery;
  return [
    ...viaField(deadLetterSink === undefined ? [] : validateDestination(deadLetterSink, features), "deadLetterSink"),
    ...(retry === undefined || retry >= 0 ? [] : [invalidValue(retry, "retry")]),
    ...(timeout !== undefined && features.deliveryTimeout === "Disabled"
      ? [disallowedField("timeout")]
      : validatePeriod(timeout, { path: "timeout", isZeroAllowed: false })),
    ...oneOf(backoffPolicy, ["linear", "exponential"], "backoffPolicy"),
    ...validatePeriod(backoffDelay, { path: "backoffDelay", isZeroAllowed: true }),
    ...(retryAfterMax !== undefined && features.deliveryRetryAfter === "Disabled"
      ? [disallowedField("retryAfterMax")]
      : validatePeriod(retryAfterMax, { path: "retryAfterMax", isZeroAllowed: true })),
    ...oneOf(format, ["json", "binary"], "format"),
  ];
}

function oneOf(value: string | undefined, words: readonly string[], path: string): FieldError[] {
  return value === undefined || words.includes(value)
    ? []
    : [invalidValue(value, path, `must be one of ${words.join(", ")}`)];
}

function validatePeriod(text: string | undefined, rule: { path: string; isZeroAllowed: boolean }): FieldError[] {
  if (text === undefined) return [];
  const { path, isZeroAllowed } = rule;
  let ms: number;
  try {
    ms = parsePeriod(text);
  } catch (error) {
    return [invalidValue(text, path, error instanceof Error ? error.message : String(error))];
  }
  if (ms < 0) return [invalidValue(text, path, "must not be negative")];
  if (ms === 0 && !isZeroAllowed) return [invalidValue(text, path, "must be at least PT0.1S")];
  if (ms > deliveryMsMax) return [asWarning(fieldError(`${text} is read as P1D, the longest there is`, [path]))];
  if (hasLostDecimals(text)) return [asWarning(fieldError(`${text} is read to its first decimal: ${ms} ms`, [path]))];
  return [];
}
