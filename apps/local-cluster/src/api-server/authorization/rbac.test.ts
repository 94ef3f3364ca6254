import { afterEach, describe, expect, test } from "@jest/globals";
import { openStore, type Store } from "../../storage/store.ts";
import type { JsonObject } from "../api-object.ts";
import type { User } from "../identity/user.ts";
import { openRoleAggregation } from "./aggregation.ts";
import type { Attributes } from "./attributes.ts";
import { findAllowing, parseRules } from "./policy-rule.ts";
import { openRbac } from "./rbac.ts";
import { rbacTypes } from "./role-index.ts";
import { ruleText, rulesBeyond } from "./rule-cover.ts";

const resource = (
  verb: string,
  path: string,
  more: Partial<Record<"group" | "namespace" | "name", string>> = {},
): Attributes => {
  const [plural = "", subresource = ""] = path.split("/");
  return { verb, group: "", namespace: "", name: "", ...more, resource: plural, subresource };
};
const rulesOf = (...rules: JsonObject[]) => parseRules({ rules });

describe("a rule allows", () => {
  const pods = { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] };
  test.each<[string, JsonObject, Attributes, boolean]>([
    ["its verbs", pods, resource("get", "pods"), true],
    ["no other verb", pods, resource("delete", "pods"), false],
    ["no other group", pods, resource("get", "pods", { group: "metrics.k8s.io" }), false],
    ["no subresource it does not name", pods, resource("get", "pods/log"), false],
    ["a subresource it names", { ...pods, resources: ["pods/log"] }, resource("get", "pods/log"), true],
    ["not the resource of its subresource", { ...pods, resources: ["pods/log"] }, resource("get", "pods"), false],
    ["any verb by *", { ...pods, verbs: ["*"] }, resource("watch", "pods"), true],
    ["any group by *", { ...pods, apiGroups: ["*"] }, resource("get", "pods", { group: "x" }), true],
    ["subresources by *", { ...pods, resources: ["*"] }, resource("get", "pods/log"), true],
    ["a subresource of anything by */", { ...pods, resources: ["*/scale"] }, resource("get", "pods/scale"), true],
    ["no other one by */", { ...pods, resources: ["*/scale"] }, resource("get", "pods/upscale"), false],
    ["no resource by */", { ...pods, resources: ["*/scale"] }, resource("get", "scale"), false],
    ["not by a part of a name", { ...pods, resources: ["pod*"] }, resource("get", "pods"), false],
    ["a named object", { ...pods, resourceNames: ["a"] }, resource("get", "pods", { name: "a" }), true],
    ["no object of another name", { ...pods, resourceNames: ["a"] }, resource("get", "pods", { name: "b" }), false],
    ["no list of all by a name", { ...pods, resourceNames: ["a"] }, resource("list", "pods"), false],
    ["nothing without groups", { resources: ["pods"], verbs: ["get"] }, resource("get", "pods"), false],
    ["a path", { nonResourceURLs: ["/healthz"], verbs: ["get"] }, { verb: "get", path: "/healthz" }, true],
    ["no path below", { nonResourceURLs: ["/api"], verbs: ["get"] }, { verb: "get", path: "/api/v1" }, false],
    ["paths by a last *", { nonResourceURLs: ["/api/*"], verbs: ["get"] }, { verb: "get", path: "/api/v1" }, true],
    [
      "no path by a star within",
      { nonResourceURLs: ["/*/v1"], verbs: ["get"] },
      { verb: "get", path: "/api/v1" },
      false,
    ],
    ["no path by resources", { ...pods, resources: ["*"] }, { verb: "get", path: "/api" }, false],
  ])("%s", (_name, ...[rule, attributes, isAllowed]) => {
    expect(findAllowing(rulesOf(rule), attributes) !== undefined).toBe(isAllowed);
  });
});

describe("rights are held through", () => {
  const opened: { close(): void }[] = [];
  afterEach(() => opened.splice(0).forEach((one) => one.close()));
  const put = (store: Store, kind: keyof typeof rbacTypes, object: JsonObject & { metadata: JsonObject }): void => {
    const { name, namespace = "" } = object.metadata as { name: string; namespace?: string };
    store.put(
      { type: rbacTypes[kind], namespace, name },
      { apiVersion: "rbac.authorization.k8s.io/v1", kind, ...object },
    );
  };
  const readPods = [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }];
  const world = (): Store => {
    const store = openStore();
    put(store, "clusterRole", { metadata: { name: "reader" }, rules: readPods });
    put(store, "role", { metadata: { name: "reader", namespace: "b" }, rules: readPods });
    const bind = (place: string, [kind, role]: [string, string], subject: JsonObject): void => {
      const [namespace = "", name = ""] = place.split("/");
      put(store, namespace === "" ? "clusterRoleBinding" : "roleBinding", {
        metadata: { name, ...(namespace !== "" && { namespace }) },
        roleRef: { kind, name: role },
        subjects: [subject],
      });
    };
    bind("/everywhere", ["ClusterRole", "reader"], { kind: "User", name: "ann" });
    bind("a/in-a", ["ClusterRole", "reader"], { kind: "Group", name: "team" });
    bind("b/in-b", ["Role", "reader"], { kind: "ServiceAccount", name: "robot" });
    bind("a/other", ["ClusterRole", "reader"], { kind: "ServiceAccount", name: "robot", namespace: "c" });
    bind("a/dangling", ["Role", "gone"], { kind: "User", name: "eve" });
    return store;
  };
  const user = (name: string, ...groups: string[]): User => ({ name, groups });
  const robot = (namespace: string): User => user(`system:serviceaccount:${namespace}:robot`);

  test.each<[string, User, string, boolean]>([
    ["a ClusterRoleBinding, in any namespace", user("ann"), "a", true],
    ["a ClusterRoleBinding, at the cluster scope", user("ann"), "", true],
    ["a RoleBinding of a ClusterRole, in its namespace", user("bob", "team"), "a", true],
    ["a RoleBinding, not in another namespace", user("bob", "team"), "b", false],
    ["a RoleBinding, not at the cluster scope", user("bob", "team"), "", false],
    ["a ServiceAccount of the binding's own namespace", robot("b"), "b", true],
    ["a ServiceAccount of a named namespace", robot("c"), "a", true],
    ["not a namesake in another namespace", robot("a"), "a", false],
    ["not by a group of a user's name", user("team"), "a", false],
    ["system:masters, whatever is bound", user("root", "system:masters"), "", true],
    ["nothing, for anybody else", user("mallory", "system:authenticated"), "a", false],
  ])("%s", (_name, ...[who, namespace, isAllowed]) => {
    const rbac = openRbac(world());
    opened.push(rbac);
    expect(rbac.decide(who, resource("get", "pods", { namespace })).allowed).toBe(isAllowed);
  });

  test("a change counts from the next question on, and the answer says why", () => {
    const store = world();
    const rbac = openRbac(store);
    opened.push(rbac);
    const ask = (): unknown => rbac.decide(user("eve"), resource("get", "pods", { namespace: "a" }));
    expect(ask()).toEqual({ allowed: false, reason: 'RBAC: role.rbac.authorization.k8s.io "gone" not found' });
    put(store, "role", { metadata: { name: "gone", namespace: "a" }, rules: readPods });
    expect(ask()).toEqual({
      allowed: true,
      reason: 'RBAC: allowed by RoleBinding "dangling/a" of Role "gone" to User "eve"',
    });
  });

  test("aggregated ClusterRoles, through several steps, as roles come and go", async () => {
    const store = openStore();
    const aggregate = (label: string): JsonObject => ({
      aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: "true" } }] },
    });
    put(store, "clusterRole", { metadata: { name: "a-top" }, ...aggregate("to-top"), rules: [] });
    put(store, "clusterRole", {
      metadata: { name: "middle", labels: { "to-top": "true" } },
      ...aggregate("to-middle"),
    });
    put(store, "clusterRole", { metadata: { name: "leaf", labels: { "to-middle": "true" } }, rules: readPods });
    opened.push(openRoleAggregation(store));
    const rules = (): unknown => store.get({ type: rbacTypes.clusterRole, namespace: "", name: "a-top" })?.["rules"];
    expect(rules()).toEqual(readPods);
    put(store, "clusterRole", { metadata: { name: "leaf", labels: {} }, rules: readPods });
    await Promise.resolve();
    expect(rules()).toEqual([]);
  });

  test("roles that gather each other come to rest", async () => {
    const store = openStore();
    for (const [name, own, other] of [
      ["x", "to-x", "to-y"],
      ["y", "to-y", "to-x"],
    ] as const) {
      const aggregationRule = { clusterRoleSelectors: [{ matchLabels: { [own]: "true" } }] };
      put(store, "clusterRole", { metadata: { name, labels: { [other]: "true" } }, aggregationRule });
    }
    opened.push(openRoleAggregation(store));
    put(store, "clusterRole", { metadata: { name: "leaf", labels: { "to-x": "true" } }, rules: readPods });
    await new Promise(setImmediate);
    const { revision } = store;
    await new Promise(setImmediate);
    expect(store.revision).toBe(revision);
  });
});

describe("what one set of rules gives beyond another", () => {
  const core = { apiGroups: [""] };
  test.each<[string, JsonObject[], JsonObject[], string[]]>([
    [
      "nothing beyond all",
      [{ apiGroups: ["*"], resources: ["*"], verbs: ["*"] }],
      [{ ...core, resources: ["pods/log"], verbs: ["get"] }],
      [],
    ],
    [
      "nothing when several rules hold it together",
      [
        { ...core, resources: ["pods"], verbs: ["get"] },
        { ...core, resources: ["secrets"], verbs: ["*"] },
      ],
      [{ ...core, resources: ["pods", "secrets"], verbs: ["get"] }],
      [],
    ],
    [
      "the verbs and resources that are missing",
      [{ ...core, resources: ["pods"], verbs: ["get"] }],
      [{ ...core, resources: ["pods", "secrets"], verbs: ["get", "list"] }],
      [
        '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}',
        '{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
      ],
    ],
    [
      "all names, where only one is held",
      [{ ...core, resources: ["pods"], resourceNames: ["a"], verbs: ["get"] }],
      [{ ...core, resources: ["pods"], verbs: ["get"] }],
      ['{APIGroups:[""], Resources:["pods"], Verbs:["get"]}'],
    ],
    [
      "nothing, where the name is held",
      [{ ...core, resources: ["pods"], verbs: ["get"] }],
      [{ ...core, resources: ["pods"], resourceNames: ["a"], verbs: ["get"] }],
      [],
    ],
    [
      "paths",
      [{ nonResourceURLs: ["/api/*"], verbs: ["get"] }],
      [{ nonResourceURLs: ["/api/v1", "/debug"], verbs: ["get"] }],
      ['{NonResourceURLs:["/debug"], Verbs:["get"]}'],
    ],
    [
      "a star that is not held",
      [{ ...core, resources: ["pods"], verbs: ["get"] }],
      [{ ...core, resources: ["*"], verbs: ["get"] }],
      ['{APIGroups:[""], Resources:["*"], Verbs:["get"]}'],
    ],
  ])("%s", (_name, ...[held, wanted, missing]) => {
    expect(rulesBeyond(rulesOf(...held), rulesOf(...wanted)).map(ruleText)).toEqual(missing);
  });
});
