import { specErrors } from "../../meta/schema-check.ts";
import {
  fieldError,
  invalidValue,
  missingField,
  viaField,
  viaFieldIndex,
  type FieldError,
} from "../../meta/field-error.ts";
import type { AdmissionContext } from "../../serving/v1/context.ts";
import {
  Ingress,
  type IngressPath,
  type IngressRule,
  type IngressSpec,
  type IngressSplit,
  type IngressTLS,
} from "./ingress.types.ts";

/** What is wrong with the object. Default it first. */
export function validateIngress(ingress: Ingress, _context?: AdmissionContext<Ingress>): FieldError[] {
  const shapeErrors = specErrors(Ingress, ingress);
  if (shapeErrors.length > 0) return shapeErrors;
  const { metadata, spec } = ingress;
  if (Object.keys(spec ?? {}).length === 0) return [missingField("spec")];
  return viaField(validateSpec(spec, metadata.namespace ?? ""), "spec");
}

function validateSpec({ rules = [], tls = [], httpOption = "" }: IngressSpec, namespace: string): FieldError[] {
  const errors: FieldError[] = rules.length === 0 ? [missingField("rules")] : [];
  if (!["", "Enabled", "Redirected"].includes(httpOption)) errors.push(invalidValue(httpOption, "httpOption"));
  return [
    ...errors,
    ...rules.flatMap((rule, index) => viaFieldIndex(validateRule(rule, namespace), "rules", index)),
    ...tls.flatMap((certificate, index) => viaFieldIndex(validateTLS(certificate), "tls", index)),
  ];
}

function validateRule({ http }: IngressRule, namespace: string): FieldError[] {
  if (http === undefined) return [missingField("http")];
  const { paths = [] } = http;
  if (paths.length === 0) return [missingField("http.paths")];
  const errors = paths.flatMap((path, index) => viaFieldIndex(validatePath(path, namespace), "paths", index));
  return viaField(errors, "http");
}

function validatePath({ splits = [] }: IngressPath, namespace: string): FieldError[] {
  if (splits.length === 0) return [missingField("splits")];
  const errors = splits.flatMap((split, index) => viaFieldIndex(validateSplit(split, namespace), "splits", index));
  const total = splits.reduce((sum, { percent = 0 }) => sum + percent, 0);
  const isAlone = splits.length === 1 && total === 0;
  if (total === 100 || isAlone) return errors;
  return [...errors, fieldError(`traffic split percentage must total to 100, but was ${total}`, ["splits"])];
}

function validateSplit(split: IngressSplit, namespace: string): FieldError[] {
  const { percent = 0, serviceName = "", serviceNamespace = "", servicePort = "" } = split;
  const errors: FieldError[] = [];
  if (percent < 0 || percent > 100) errors.push(invalidValue(percent, "percent"));
  if (serviceNamespace === "") errors.push(missingField("serviceNamespace"));
  else if (serviceNamespace !== namespace) {
    errors.push(fieldError("service namespace must match ingress namespace", ["serviceNamespace"]));
  }
  if (serviceName === "") errors.push(missingField("serviceName"));
  if (servicePort === "" || servicePort === 0) errors.push(missingField("servicePort"));
  return errors;
}

function validateTLS({ secretName = "", secretNamespace = "" }: IngressTLS): FieldError[] {
  return Object.entries({ secretName, secretNamespace })
    .filter(([, value]) => value === "")
    .map(([field]) => missingField(field));
}
