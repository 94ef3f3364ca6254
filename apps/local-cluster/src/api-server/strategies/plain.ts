import type { ApiObject } from "../api-object.ts";
import {
  defaultField,
  ensureRecord,
  equalJson,
  isRecord,
  listAt,
  recordAt,
  recordsAt,
  stringAt,
} from "../api-object.ts";
import { forbiddenField, invalidValue } from "../field-cause.ts";
import type { Strategy } from "../resource.ts";
import type { StatusCause } from "../status-error.ts";

// The kinds that are hardly more than stored: one value each.

/** Stored as it comes. */
export const plainStrategy: Strategy = { nameRule: "subdomain", hasGeneration: false, allowsUnconditionalUpdate: true };

/** Stored as it comes, with changes of the spec counted. */
export const countedStrategy: Strategy = { ...plainStrategy, hasGeneration: true };

/** Roles and bindings, whose names may hold colons. */
export const rbacStrategy: Strategy = {
  ...plainStrategy,
  nameRule: "path",
  decode(object) {
    const roleRef = object["roleRef"];
    if (isRecord(roleRef)) defaultField(roleRef, "apiGroup", "rbac.authorization.k8s.io");
    for (const subject of recordsAt(object, "subjects")) {
      if (subject["kind"] !== "ServiceAccount") defaultField(subject, "apiGroup", "rbac.authorization.k8s.io");
    }
  },
  // Whoever was allowed to give one role to these subjects may not have been allowed to give them another.
  validate(next, old) {
    if (old === undefined || equalJson(next["roleRef"], old["roleRef"])) return [];
    return [invalidValue("roleRef", next["roleRef"], "cannot change roleRef")];
  },
};

export const configMapStrategy: Strategy = { ...plainStrategy, validate: validateImmutable };

export const secretStrategy: Strategy = {
  ...plainStrategy,
  decode(secret) {
    defaultField(secret, "type", "Opaque");
    const plain = secret["stringData"];
    if (!isRecord(plain)) return;
    const encoded = ensureRecord(secret, "data");
    for (const [key, value] of Object.entries(plain)) encoded[key] = Buffer.from(String(value)).toString("base64");
    delete secret["stringData"];
  },
  validate: validateImmutable,
  fieldLabels: { type: (secret) => stringAt(secret, "type") },
};

function validateImmutable(next: ApiObject, old: ApiObject | undefined): StatusCause[] {
  if (old === undefined || old["immutable"] !== true) return [];
  const fields = ["data", "binaryData", "immutable"].filter((field) => !equalJson(next[field], old[field]));
  return fields.map((field) => forbiddenField(field, "field is immutable when `immutable` is set"));
}

const namespaceFinalizer = "kubernetes";

export const namespaceStrategy: Strategy = {
  ...plainStrategy,
  nameRule: "label",
  decode(namespace) {
    if (namespace.metadata.name === undefined) return;
    namespace.metadata.labels = {
      ...namespace.metadata.labels,
      "kubernetes.io/metadata.name": namespace.metadata.name,
    };
  },
  prepareCreate(namespace) {
    namespace["spec"] = { finalizers: [namespaceFinalizer] };
    namespace["status"] = { phase: "Active" };
  },
  prepareUpdate(next, old) {
    // Only a namespace that is going away may lose its finalizer: a replace from a file without it must not.
    if (old.metadata.deletionTimestamp === undefined) next["spec"] = old["spec"];
  },
  // Namespaces had finalizers in their spec before any object had them in its metadata.
  isHeld: (namespace) => listAt(namespace, "spec", "finalizers").length > 0,
  beginDeletion(namespace) {
    namespace["status"] = { ...recordAt(namespace, "status"), phase: "Terminating" };
  },
  fieldLabels: { "status.phase": (namespace) => stringAt(namespace, "status", "phase") },
};

export const nodeStrategy: Strategy = {
  ...plainStrategy,
  decode(node) {
    ensureRecord(node, "spec");
  },
  fieldLabels: {
    "spec.unschedulable": (node) => String(isRecord(node["spec"]) && node["spec"]["unschedulable"] === true),
  },
};

export const webhookConfigurationStrategy: Strategy = {
  ...countedStrategy,
  decode(configuration) {
    for (const webhook of recordsAt(configuration, "webhooks")) {
      defaultField(webhook, "failurePolicy", "Fail");
      defaultField(webhook, "matchPolicy", "Equivalent");
      webhook["namespaceSelector"] ??= {};
      webhook["objectSelector"] ??= {};
      webhook["timeoutSeconds"] ??= 10;
      if (configuration.kind === "MutatingWebhookConfiguration") defaultField(webhook, "reinvocationPolicy", "Never");
      for (const rule of recordsAt(webhook, "rules")) defaultField(rule, "scope", "*");
      const service = ensureRecordIfSet(webhook["clientConfig"]);
      if (service !== undefined) service["port"] ??= 443;
    }
  },
};

function ensureRecordIfSet(clientConfig: unknown): Record<string, unknown> | undefined {
  if (!isRecord(clientConfig) || !isRecord(clientConfig["service"])) return undefined;
  return clientConfig["service"];
}

export const endpointSliceStrategy: Strategy = {
  ...countedStrategy,
  decode(slice) {
    for (const port of recordsAt(slice, "ports")) {
      port["name"] ??= "";
      defaultField(port, "protocol", "TCP");
    }
  },
};
