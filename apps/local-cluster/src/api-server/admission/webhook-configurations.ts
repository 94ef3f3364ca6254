import type { Store } from "../../storage/store.ts";
import type { ApiObject, JsonObject } from "../api-object.ts";
import { listAt, numberAt, recordAt, recordsAt, stringAt } from "../api-object.ts";
import { labelSelectorMatcher } from "../reading/selectors.ts";
import type { AdmissionReviewed } from "./admission.ts";

/** One webhook of a configuration, ready to be matched and called. */
export interface Webhook {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly clientConfig: JsonObject;
  readonly failsOpen: boolean;
  readonly timeoutSeconds: number;
  /** Versions of AdmissionReview it reads, in its order. */
  readonly reviewVersions: readonly string[];
  readonly hasSideEffects: boolean;
  readonly matchesAnyVersion: boolean;
  matchesNamespace(labels: JsonObject): boolean;
  matchesObject(labels: JsonObject): boolean;
}

interface Rule {
  readonly operations: readonly string[];
  readonly groups: readonly string[];
  readonly versions: readonly string[];
  readonly resources: readonly string[];
  readonly scope: string;
}

export type WebhookKind = "mutating" | "validating";

/** The webhooks as configured at the moment, in the order they are called in. */
export interface WebhookConfigurations {
  list(kind: WebhookKind): readonly Webhook[];
  close(): void;
}

/** Follows the webhook configurations in the store; a change counts from the commit that makes it. */
export function followWebhookConfigurations(store: Store): WebhookConfigurations {
  const webhooks: Record<WebhookKind, readonly Webhook[]> = { mutating: [], validating: [] };
  const stops = (["mutating", "validating"] as const).map((kind) => {
    const type = `admissionregistration.k8s.io/${kind}webhookconfigurations`;
    const read = (): void => {
      // The store lists in order of names, which is the order of calls.
      webhooks[kind] = store
        .list(type)
        .flatMap((configuration) => recordsAt(configuration, "webhooks").map(parseWebhook));
    };
    read();
    return store.watch(type, store.revision, read);
  });
  return {
    list: (kind) => webhooks[kind],
    close() {
      for (const stop of stops) stop();
    },
  };
}

function parseWebhook(webhook: JsonObject): Webhook {
  const sideEffects = stringAt(webhook, "sideEffects");
  return {
    name: stringAt(webhook, "name"),
    rules: recordsAt(webhook, "rules").map((rule) => ({
      operations: listAt(rule, "operations").map(String),
      groups: listAt(rule, "apiGroups").map(String),
      versions: listAt(rule, "apiVersions").map(String),
      resources: listAt(rule, "resources").map(String),
      scope: stringAt(rule, "scope") || "*",
    })),
    clientConfig: recordAt(webhook, "clientConfig"),
    failsOpen: webhook["failurePolicy"] === "Ignore",
    timeoutSeconds: Math.min(numberAt(webhook, "timeoutSeconds") ?? 10, 30),
    reviewVersions: listAt(webhook, "admissionReviewVersions").map(String),
    hasSideEffects: sideEffects === "Some" || sideEffects === "Unknown",
    matchesAnyVersion: webhook["matchPolicy"] !== "Exact",
    matchesNamespace: labelSelectorMatcher(webhook["namespaceSelector"]),
    matchesObject: labelSelectorMatcher(webhook["objectSelector"]),
  };
}

/** Whether a webhook wants to see this write. */
export function isWanted(store: Store, webhook: Webhook, reviewed: AdmissionReviewed): boolean {
  const { resource } = reviewed.request;
  // No webhook may lock its own configuration, or another's.
  if (resource.group === "admissionregistration.k8s.io") return false;
  if (!webhook.rules.some((rule) => matchesRule(rule, webhook, reviewed))) return false;
  const objects = [reviewed.object, reviewed.oldObject].filter((object) => object !== undefined);
  if (!objects.some((object) => webhook.matchesObject(object.metadata.labels ?? {}))) return false;
  const labels = namespaceLabels(store, reviewed);
  return labels === undefined || webhook.matchesNamespace(labels);
}

function matchesRule(rule: Rule, webhook: Webhook, { operation, request }: AdmissionReviewed): boolean {
  const { resource, subresource } = request;
  const isScope = rule.scope === "*" || (rule.scope === "Namespaced") === resource.namespaced;
  return (
    isScope &&
    includes(rule.operations, operation) &&
    includes(rule.groups, resource.group) &&
    (webhook.matchesAnyVersion || includes(rule.versions, resource.version)) &&
    rule.resources.some((pattern) => matchesResource(pattern, resource.plural, subresource))
  );
}

function includes(values: readonly string[], value: string): boolean {
  return values.includes("*") || values.includes(value);
}

function matchesResource(pattern: string, plural: string, subresource: string | undefined): boolean {
  const [wantedPlural, wantedSubresource] = pattern.split("/");
  if (wantedPlural !== "*" && wantedPlural !== plural) return false;
  return wantedSubresource === "*" || wantedSubresource === subresource;
}

/** The labels the namespace selector is about; `undefined` where there is no namespace to ask about. */
function namespaceLabels(store: Store, { request, object, oldObject }: AdmissionReviewed): JsonObject | undefined {
  if (request.resource.storageType === "/namespaces") return labelsOf(object ?? oldObject);
  if (!request.resource.namespaced) return undefined;
  return labelsOf(store.get({ type: "/namespaces", namespace: "", name: request.namespace }));
}

function labelsOf(object: ApiObject | undefined): JsonObject {
  return object?.metadata.labels ?? {};
}
