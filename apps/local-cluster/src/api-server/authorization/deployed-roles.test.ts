import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";
import { parseAllDocuments } from "yaml";
import { openStore } from "../../storage/store.ts";
import type { ApiObject } from "../api-object.ts";
import type { User } from "../identity/user.ts";
import type { Attributes } from "./attributes.ts";
import { openRbac } from "./rbac.ts";
import { rbacTypes } from "./role-index.ts";

// What Kelvin's services may do on a cluster is what deploy/ says. These rows are the promises that its users rely on.

const deploy = join(import.meta.dirname, "..", "..", "..", "..", "..", "deploy", "base");
const services = ["activator", "autoscaler", "build-controller", "serving-controller"] as const;
type Service = (typeof services)[number];
const namespaceOf = (service: Service): string =>
  service === "build-controller" ? "knative-build" : "knative-serving";

const store = openStore();
for (const service of services) {
  const text = readFileSync(join(deploy, service, "rbac.yaml"), "utf8");
  for (const document of parseAllDocuments(text)) put(document.toJS() as ApiObject);
}
const rbac = openRbac(store);
afterAll(() => rbac.close());

function put(object: ApiObject): void {
  const kind = `${object.kind.charAt(0).toLowerCase()}${object.kind.slice(1)}` as keyof typeof rbacTypes;
  const { name = "", namespace = "" } = object.metadata;
  store.put({ type: rbacTypes[kind], namespace, name }, object);
}

const userOf = (service: Service): User => ({
  name: `system:serviceaccount:${namespaceOf(service)}:${service}`,
  groups: ["system:serviceaccounts", `system:serviceaccounts:${namespaceOf(service)}`, "system:authenticated"],
});

/** `get secrets x -n default`, `update deployments.apps/scale -n default`. */
function parse(words: string): Attributes {
  const [verb = "", target = "", ...rest] = words.split(" ");
  const at = rest.indexOf("-n");
  const [qualified = "", subresource = ""] = target.split("/");
  const [resource = "", ...group] = qualified.split(".");
  const name = rest.find((word, index) => word !== "-n" && index !== at + 1) ?? (at === -1 ? (rest[0] ?? "") : "");
  return {
    verb,
    group: group.join("."),
    resource,
    subresource,
    namespace: at === -1 ? "" : (rest[at + 1] ?? ""),
    name,
  };
}

const may = (service: Service, words: string): boolean => rbac.decide(userOf(service), parse(words)).allowed;

const ownWebhooks = [
  "mutatingwebhookconfigurations.admissionregistration.k8s.io webhook.serving.knative.dev",
  "validatingwebhookconfigurations.admissionregistration.k8s.io validation.webhook.serving.knative.dev",
  "validatingwebhookconfigurations.admissionregistration.k8s.io config.webhook.serving.knative.dev",
];

describe("the activator", () => {
  test.each([
    "list pods",
    "watch services",
    "watch ingresses.networking.internal.knative.dev",
    "watch leases.coordination.k8s.io autoscaler -n knative-serving",
  ])("may %s", (words) => expect(may("activator", words)).toBe(true));

  test.each([
    "list secrets -n knative-serving",
    "get secrets x -n default",
    "list configmaps -n knative-serving",
    "watch leases.coordination.k8s.io -n knative-serving",
    "watch leases.coordination.k8s.io serving-controller -n knative-serving",
  ])("may not %s", (words) => expect(may("activator", words)).toBe(false));

  test("writes nothing at all", () => {
    for (const namespace of ["knative-serving", "default"]) {
      const verbs = rbac.rulesFor(userOf("activator"), namespace).flatMap((rule) => rule.verbs);
      expect(new Set(verbs)).toEqual(new Set(["list", "watch"]));
    }
  });
});

describe("the autoscaler", () => {
  test.each([
    "patch deployments.apps/scale x -n default",
    "update podautoscalers.autoscaling.internal.knative.dev/status x -n default",
    "update leases.coordination.k8s.io autoscaler -n knative-serving",
  ])("may %s", (words) => expect(may("autoscaler", words)).toBe(true));

  test.each([
    "get secrets x -n default",
    "list secrets -n knative-serving",
    "patch deployments.apps x -n default",
    "delete pods x -n default",
    "create pods -n default",
    "update podautoscalers.autoscaling.internal.knative.dev x -n default",
    "patch revisions.serving.knative.dev x -n default",
    "update leases.coordination.k8s.io serving-controller -n knative-serving",
    "create leases.coordination.k8s.io -n default",
    "update configmaps config-autoscaler -n knative-serving",
  ])("may not %s", (words) => expect(may("autoscaler", words)).toBe(false));
});

describe("the serving-controller", () => {
  test.each([
    ...ownWebhooks.map((webhook) => `update ${webhook}`),
    "create deployments.apps -n default",
    "update secrets serving-controller-certs -n knative-serving",
    "get secrets registry -n default",
  ])("may %s", (words) => expect(may("serving-controller", words)).toBe(true));

  test.each([
    "update mutatingwebhookconfigurations.admissionregistration.k8s.io other",
    "get validatingwebhookconfigurations.admissionregistration.k8s.io other",
    "list validatingwebhookconfigurations.admissionregistration.k8s.io",
    ...ownWebhooks.map((webhook) => `delete ${webhook}`),
    "list secrets -n default",
    "watch secrets -n default",
    "list secrets -n knative-serving",
    "update secrets other -n knative-serving",
    "update secrets registry -n default",
    "delete secrets serving-controller-certs -n knative-serving",
    "create secrets -n default",
    "update services.serving.knative.dev x -n default",
    "delete services.serving.knative.dev x -n default",
    "delete deployments.apps x -n default",
    "create pods -n default",
    "delete pods x -n default",
    "get pods/log x -n default",
    "create pods/exec x -n default",
    "create serviceaccounts/token x -n default",
    "impersonate serviceaccounts x -n default",
    "update configmaps config-network -n knative-serving",
    "create leases.coordination.k8s.io -n kube-system",
  ])("may not %s", (words) => expect(may("serving-controller", words)).toBe(false));
});

describe("the build-controller", () => {
  test.each([
    "create pods -n default",
    "delete pods x -n default",
    "get pods/log x -n default",
    "get secrets registry -n default",
    "get serviceaccounts builder -n default",
    "update builds.build.knative.dev/status x -n default",
    "delete builds.build.knative.dev x -n default",
    "get clusterbuildtemplates.build.knative.dev x",
    "create subjectaccessreviews.authorization.k8s.io",
    "update secrets build-controller-certs -n knative-build",
    "update mutatingwebhookconfigurations.admissionregistration.k8s.io webhook.build.knative.dev",
  ])("may %s", (words) => expect(may("build-controller", words)).toBe(true));

  test.each([
    "list secrets -n default",
    "watch secrets -n default",
    "list secrets -n knative-build",
    "update secrets registry -n default",
    "create secrets -n default",
    "update secrets other -n knative-build",
    "create builds.build.knative.dev -n default",
    "update builds.build.knative.dev x -n default",
    "update buildtemplates.build.knative.dev x -n default",
    "update pods x -n default",
    "create pods/exec x -n default",
    "create serviceaccounts/token x -n default",
    "get services.serving.knative.dev x -n default",
    "update configmaps config-build -n knative-build",
    "update mutatingwebhookconfigurations.admissionregistration.k8s.io other",
    "create leases.coordination.k8s.io -n kube-system",
  ])("may not %s", (words) => expect(may("build-controller", words)).toBe(false));
});

describe.each(services)("%s", (service) => {
  test("holds no wildcard and nothing of RBAC itself", () => {
    for (const namespace of ["knative-serving", "default", ""]) {
      for (const rule of rbac.rulesFor(userOf(service), namespace)) {
        expect([...rule.verbs, ...rule.apiGroups, ...rule.resources]).not.toContain("*");
        expect(rule.apiGroups).not.toContain("rbac.authorization.k8s.io");
        expect(rule.verbs).not.toEqual(
          expect.arrayContaining([expect.stringMatching(/^(escalate|bind|impersonate)$/)]),
        );
      }
    }
  });
});
