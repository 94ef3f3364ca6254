import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { valueAt, type JsonObject } from "../api-object.ts";
import type { AuthorizationMode } from "../authorization/authorizer.ts";
import type { Need } from "../authorization/audit.ts";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { makeRawClient, type RawAnswer, type RawClient } from "../testing/raw-client.ts";

interface World {
  readonly server: ApiServer;
  readonly client: RawClient;
  readonly needs: Need[];
  /** A call as somebody else, in the way of `kubectl --as`. */
  as(user: string | string[], method: string, ...rest: [path: string, body?: unknown]): Promise<RawAnswer>;
}

async function openWorld(authorization?: AuthorizationMode): Promise<World> {
  const needs: Need[] = [];
  const server = await openApiServer({
    listen: [{ host: "127.0.0.1", port: 0 }],
    ...(authorization !== undefined && { authorization }),
    reportNeed: (need) => needs.push(need),
  });
  const client = makeRawClient(server);
  return {
    server,
    client,
    needs,
    as(who, method, ...[path, body]) {
      const [user = "", ...groups] = [who].flat();
      const headers = { "impersonate-user": user, ...(groups.length > 0 && { "impersonate-group": groups }) };
      return client.call(method, path, { headers, ...(body !== undefined && { body }) });
    },
  };
}

const rbacPath = "/apis/rbac.authorization.k8s.io/v1";
const pods = "/api/v1/namespaces/default/pods";
const access = "/apis/authorization.k8s.io/v1";

let world: World;
async function grant(user: string, rules: JsonObject[], namespace = ""): Promise<void> {
  const name = user.replaceAll(":", "-");
  const [roles, bindings, kind] =
    namespace === ""
      ? ["clusterroles", "clusterrolebindings", "ClusterRole"]
      : [`namespaces/${namespace}/roles`, `namespaces/${namespace}/rolebindings`, "Role"];
  const role = await world.client.call("POST", `${rbacPath}/${roles}`, { body: { metadata: { name }, rules } });
  const binding = await world.client.call("POST", `${rbacPath}/${bindings}`, {
    body: { metadata: { name }, roleRef: { kind, name }, subjects: [{ kind: "User", name: user }] },
  });
  expect([role.code, binding.code]).toEqual([201, 201]);
}

describe("enforce, the default", () => {
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.server.close());

  test.each<[string, string, string, string, JsonObject]>([
    [
      "one object",
      "GET",
      `${pods}/x`,
      'pods "x" is forbidden: User "u" cannot get resource "pods" in API group "" in the namespace "default"',
      { name: "x", kind: "pods" },
    ],
    [
      "a collection of a named group",
      "GET",
      "/apis/apps/v1/deployments",
      'deployments.apps is forbidden: User "u" cannot list resource "deployments" in API group "apps" at the cluster scope',
      { group: "apps", kind: "deployments" },
    ],
    [
      "a subresource",
      "GET",
      `${pods}/x/log`,
      'pods "x" is forbidden: User "u" cannot get resource "pods/log" in API group "" in the namespace "default"',
      { name: "x", kind: "pods" },
    ],
    [
      "a namespace, which lies within itself",
      "DELETE",
      "/api/v1/namespaces/n",
      'namespaces "n" is forbidden: User "u" cannot delete resource "namespaces" in API group "" in the namespace "n"',
      { name: "n", kind: "namespaces" },
    ],
    [
      "what is not served at all",
      "POST",
      "/apis/x.dev/v1/ys",
      'ys.x.dev is forbidden: User "u" cannot create resource "ys" in API group "x.dev" at the cluster scope',
      { group: "x.dev", kind: "ys" },
    ],
    ["a path", "GET", "/debug/authorization", 'forbidden: User "u" cannot get path "/debug/authorization"', {}],
    ["the root", "GET", "/", 'forbidden: User "u" cannot get path "/"', {}],
  ])("refuses %s in upstream's words", async (_name, ...[method, path, message, details]) => {
    const { json } = await world.as("u", method, path);
    expect(json).toEqual({
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      message,
      reason: "Forbidden",
      details,
      code: 403,
    });
  });

  test.each(["/api", "/apis", "/apis/apps/v1", "/openapi/v3", "/version", "/healthz"])(
    "everybody known may discover: %s",
    async (path) => expect((await world.as("u", "GET", path)).code).toBe(200),
  );

  test("a list by the name of one object is allowed by that name", async () => {
    const rule = {
      apiGroups: [""],
      resources: ["configmaps"],
      resourceNames: ["one"],
      verbs: ["get", "list", "delete"],
    };
    await grant("named", [rule], "default");
    const path = "/api/v1/namespaces/default/configmaps";
    const code = async (method: string, query: string): Promise<number> =>
      (await world.as("named", method, `${path}${query}`)).code;
    expect(await code("GET", "?fieldSelector=metadata.name%3Done")).toBe(200);
    expect(await code("GET", "?fieldSelector=metadata.name%3D%3Done")).toBe(200);
    expect(await code("GET", "?fieldSelector=metadata.name!%3Done")).toBe(403);
    expect(await code("GET", "?fieldSelector=metadata.name%3Dtwo")).toBe(403);
    expect(await code("GET", "")).toBe(403);
    expect(await code("DELETE", "/one")).toBe(404);
    expect(await code("DELETE", "?fieldSelector=metadata.name%3Done")).toBe(403);
  });

  test("the default roles: edit writes and does not touch roles, view does not see secrets", async () => {
    for (const [user, role] of [
      ["ed", "edit"],
      ["vi", "view"],
      ["ad", "admin"],
    ] as const) {
      const body = {
        metadata: { name: user },
        roleRef: { kind: "ClusterRole", name: role },
        subjects: [{ kind: "User", name: user }],
      };
      await world.client.call("POST", `${rbacPath}/namespaces/default/rolebindings`, { body });
    }
    const can = async (user: string, verb: string, target: string): Promise<boolean> => {
      const [resource = "", ...group] = target.split(".");
      const spec = { user, resourceAttributes: { namespace: "default", verb, resource, group: group.join(".") } };
      const { json } = await world.client.call("POST", `${access}/subjectaccessreviews`, { body: { spec } });
      return valueAt(json, "status", "allowed") === true;
    };
    expect(await can("ed", "create", "deployments.apps")).toBe(true);
    expect(await can("ed", "get", "configmaps")).toBe(true);
    expect(await can("ed", "create", "roles.rbac.authorization.k8s.io")).toBe(false);
    expect(await can("ad", "create", "roles.rbac.authorization.k8s.io")).toBe(true);
    expect(await can("vi", "list", "pods")).toBe(true);
    expect(await can("vi", "get", "secrets")).toBe(false);
    expect(await can("vi", "delete", "pods")).toBe(false);
  });

  test("a ServiceAccount gets nothing but discovery by itself", async () => {
    await world.client.call("POST", "/api/v1/namespaces/default/serviceaccounts", {
      body: { metadata: { name: "app" } },
    });
    const { token } = await world.server.mintServiceAccountToken({
      namespace: "default",
      serviceAccountName: "app",
      expirationSeconds: 600,
    });
    expect((await world.client.call("GET", pods, { token })).code).toBe(403);
    expect((await world.client.call("GET", "/api", { token })).code).toBe(200);
    const rules = await world.client.call("POST", `${access}/selfsubjectrulesreviews`, {
      token,
      body: { spec: { namespace: "default" } },
    });
    expect(valueAt(rules.json, "status", "resourceRules")).toEqual([
      expect.objectContaining({
        resources: ["selfsubjectaccessreviews", "selfsubjectrulesreviews"],
        verbs: ["create"],
      }),
      expect.objectContaining({ resources: ["selfsubjectreviews"], verbs: ["create"] }),
    ]);
  });
});

describe("impersonation", () => {
  const boss = "system:serviceaccount:default:boss";
  beforeAll(async () => {
    world = await openWorld();
    await world.client.call("POST", "/api/v1/namespaces/default/serviceaccounts", {
      body: { metadata: { name: "boss" } },
    });
    await grant(boss, [{ apiGroups: [""], resources: ["users"], resourceNames: ["clerk"], verbs: ["impersonate"] }]);
  });
  afterAll(() => world.server.close());

  const whoPath = "/apis/authentication.k8s.io/v1/selfsubjectreviews";

  test.each<[string, string | string[], JsonObject]>([
    ["a user", "ann", { username: "ann", groups: ["system:authenticated"] }],
    ["a user with groups", ["ann", "a", "b"], { username: "ann", groups: ["a", "b", "system:authenticated"] }],
    [
      "a ServiceAccount, with its groups",
      "system:serviceaccount:ns:robot",
      {
        username: "system:serviceaccount:ns:robot",
        groups: ["system:serviceaccounts", "system:serviceaccounts:ns", "system:authenticated"],
      },
    ],
  ])("as %s", async (_name, user, expected) => {
    const { json } = await world.as(user, "POST", whoPath, {});
    expect(valueAt(json, "status", "userInfo")).toEqual(expected);
  });

  test("as nobody, who may not even ask who they are", async () => {
    const { json } = await world.as("system:anonymous", "POST", whoPath, {});
    expect(json["message"]).toContain('User "system:anonymous" cannot create resource "selfsubjectreviews"');
  });

  test("needs the right to, for each header", async () => {
    const { token } = await world.server.mintServiceAccountToken({
      namespace: "default",
      serviceAccountName: "boss",
      expirationSeconds: 600,
    });
    const call = async (headers: Record<string, string>): Promise<unknown> => {
      const { json } = await world.client.call("POST", whoPath, { token, headers, body: {} });
      return valueAt(json, "status", "userInfo", "username") ?? json["message"];
    };
    const cannot = (subject: string, resource: string, where = "at the cluster scope"): string =>
      `${subject} is forbidden: User "${boss}" cannot impersonate resource "${resource}" in API group "" ${where}`;
    expect(await call({ "impersonate-user": "clerk" })).toBe("clerk");
    expect(await call({ "impersonate-user": "root" })).toBe(cannot('users "root"', "users"));
    expect(await call({ "impersonate-user": "clerk", "impersonate-group": "system:masters" })).toBe(
      cannot('groups "system:masters"', "groups"),
    );
    expect(await call({ "impersonate-user": "system:serviceaccount:a:b" })).toBe(
      cannot('serviceaccounts "b"', "serviceaccounts", 'in the namespace "a"'),
    );
    expect(await call({ "impersonate-user": "clerk", "impersonate-extra-__proto__": "x" })).toContain(
      'cannot impersonate resource "userextras/__proto__" in API group "authentication.k8s.io"',
    );
    expect(await call({ "impersonate-group": "g" })).toContain("without impersonating a user");
  });
});

describe("nobody gives away more than they hold", () => {
  const pod = { apiGroups: [""], resources: ["pods"], verbs: ["get", "list"] };
  const roles = `${rbacPath}/namespaces/default/roles`;
  const bindings = `${rbacPath}/namespaces/default/rolebindings`;
  const rolesRule = {
    apiGroups: ["rbac.authorization.k8s.io"],
    resources: ["*"],
    verbs: ["get", "create", "update", "patch"],
  };
  beforeAll(async () => {
    world = await openWorld();
    await grant("clerk", [rolesRule, { ...pod, verbs: ["get"] }]);
    await grant("chief", [rolesRule, { ...rolesRule, verbs: ["escalate", "bind"] }]);
    await world.client.call("POST", roles, { body: { metadata: { name: "pods" }, rules: [pod] } });
  });
  afterAll(() => world.server.close());

  test("not by a role", async () => {
    const body = { metadata: { name: "mine" }, rules: [pod] };
    const refused = await world.as(["clerk", "staff"], "POST", roles, body);
    expect(refused.code).toBe(403);
    expect(refused.json["message"]).toBe(
      'roles.rbac.authorization.k8s.io "mine" is forbidden: user "clerk" (groups=["staff" "system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n' +
        '{APIGroups:[""], Resources:["pods"], Verbs:["list"]}',
    );
    const less = { ...body, rules: [{ ...pod, verbs: ["get"] }] };
    expect((await world.as("clerk", "POST", roles, less)).code).toBe(201);
    const patch = { headers: { "impersonate-user": "clerk" }, contentType: "application/merge-patch+json" };
    const more = await world.client.call("PATCH", `${roles}/mine`, { ...patch, body: { rules: [pod] } });
    expect(more.code).toBe(403);
    const label = await world.client.call("PATCH", `${roles}/pods`, {
      ...patch,
      body: { metadata: { labels: { a: "b" } } },
    });
    expect(label.code).toBe(200);
    expect((await world.as("chief", "POST", roles, { ...body, metadata: { name: "escalated" } })).code).toBe(201);
  });

  test("not by a binding", async () => {
    const binding = (name: string, kind: string, role: string): JsonObject => ({
      metadata: { name },
      roleRef: { kind, name: role },
      subjects: [{ kind: "User", name: "clerk" }],
    });
    const refused = await world.as("clerk", "POST", bindings, binding("b", "ClusterRole", "cluster-admin"));
    expect(refused.json["message"]).toContain("is attempting to grant RBAC permissions not currently held:\n");
    expect((await world.as("clerk", "POST", bindings, binding("b", "Role", "pods"))).code).toBe(403);
    expect((await world.as("chief", "POST", bindings, binding("b", "Role", "pods"))).code).toBe(201);
  });

  test("not by an aggregation rule", async () => {
    const body = { metadata: { name: "all" }, aggregationRule: { clusterRoleSelectors: [{}] } };
    const refused = await world.as("clerk", "POST", `${rbacPath}/clusterroles`, body);
    expect(refused.json["message"]).toBe(
      'clusterroles.rbac.authorization.k8s.io "all" is forbidden: must have cluster-admin privileges to use the aggregationRule',
    );
  });
});

describe("the token of a Pod", () => {
  beforeAll(async () => {
    world = await openWorld();
  });
  afterAll(() => world.server.close());

  test("is void once the Pod is gone, or is another of the same name", async () => {
    const { client, server } = world;
    const body = { metadata: { name: "p" }, spec: { containers: [{ name: "c", image: "dev.local/x" }] } };
    const review = async (token: string): Promise<unknown> => {
      const path = "/apis/authentication.k8s.io/v1/tokenreviews";
      const { json } = await client.call("POST", path, { body: { spec: { token } } });
      return valueAt(json, "status", "authenticated");
    };
    const { json: pod } = await client.call("POST", pods, { body });
    const { token } = await server.mintServiceAccountToken({
      namespace: "default",
      serviceAccountName: "default",
      expirationSeconds: 600,
      pod: { name: "p", uid: String(valueAt(pod, "metadata", "uid")) },
    });
    expect(await review(token)).toBe(true);
    await client.call("DELETE", `${pods}/p?gracePeriodSeconds=0`);
    expect(await review(token)).toBe(false);
    await client.call("POST", pods, { body });
    expect(await review(token)).toBe(false);
    expect((await client.call("GET", "/api", { token })).code).toBe(401);
  });
});

describe("reviews", () => {
  beforeAll(async () => {
    world = await openWorld();
    await grant("ann", [{ apiGroups: [""], resources: ["pods"], verbs: ["get"] }], "default");
  });
  afterAll(() => world.server.close());
  const get = { verb: "get", resource: "pods", namespace: "default" };

  test("about oneself", async () => {
    const ask = async (attributes: JsonObject): Promise<unknown> =>
      (await world.as("ann", "POST", `${access}/selfsubjectaccessreviews`, { spec: attributes })).json["status"];
    expect(await ask({ resourceAttributes: get })).toMatchObject({
      allowed: true,
      reason: expect.stringContaining("RoleBinding"),
    });
    expect(await ask({ resourceAttributes: { ...get, namespace: "other" } })).toEqual({ allowed: false });
    expect(await ask({ nonResourceAttributes: { verb: "get", path: "/api" } })).toMatchObject({ allowed: true });
  });

  test("about others, in one namespace or any, for whoever may ask", async () => {
    const body = { spec: { user: "ann", resourceAttributes: get } };
    expect((await world.as("ann", "POST", `${access}/subjectaccessreviews`, body)).code).toBe(403);
    const local = (namespace: string): Promise<RawAnswer> =>
      world.client.call("POST", `${access}/namespaces/${namespace}/localsubjectaccessreviews`, { body });
    expect(valueAt((await local("default")).json, "status", "allowed")).toBe(true);
    expect((await local("other")).code).toBe(400);
  });

  test.each<[string, JsonObject, string]>([
    ["nobody", { resourceAttributes: get }, "at least one of user or group must be specified"],
    ["nothing", { user: "u" }, "exactly one of nonResourceAttributes or resourceAttributes must be specified"],
    [
      "two things",
      { user: "u", resourceAttributes: get, nonResourceAttributes: { verb: "get", path: "/" } },
      "cannot be specified in combination with resourceAttributes",
    ],
  ])("about %s are invalid", async (_name, spec, message) => {
    const answer = await world.client.call("POST", `${access}/subjectaccessreviews`, { body: { spec } });
    expect({ code: answer.code, message: answer.json["message"] }).toEqual({
      code: 422,
      message: expect.stringContaining(message),
    });
  });
});

describe("audit", () => {
  beforeEach(async () => {
    world = await openWorld("audit");
  });

  test("allows everything and tells what was beyond the grants, once, and what was not used", async () => {
    const { client, needs, server } = world;
    await client.call("POST", "/api/v1/namespaces/default/serviceaccounts", { body: { metadata: { name: "app" } } });
    await grant("system:serviceaccount:default:app", [
      { apiGroups: [""], resources: ["pods", "nodes"], verbs: ["get", "list"] },
    ]);
    const { token } = await server.mintServiceAccountToken({
      namespace: "default",
      serviceAccountName: "app",
      expirationSeconds: 600,
    });
    for (let i = 0; i < 3; i++) {
      expect((await client.call("GET", pods, { token })).code).toBe(200);
      expect((await client.call("GET", "/api/v1/namespaces/default/secrets/s", { token })).code).toBe(404);
    }
    const beyond = {
      user: "system:serviceaccount:default:app",
      verb: "get",
      target: "secrets",
      namespace: "default",
      isGranted: false,
      names: ["s"],
    };
    expect(needs).toEqual([{ ...beyond, count: 1 }]);
    const { json } = await client.call("GET", "/debug/authorization");
    expect(json).toMatchObject({
      mode: "audit",
      needs: [
        { ...beyond, count: 3 },
        { verb: "list", target: "pods", isGranted: true, count: 3 },
      ],
    });
    expect((json["unused"] as JsonObject[]).map(({ verb, target }) => `${String(verb)} ${String(target)}`)).toEqual([
      "get nodes",
      "get pods",
      "list nodes",
    ]);
    const table = await client.call("GET", "/debug/authorization", { accept: "text/plain" });
    expect(table.text).toMatch(/^MISSING +system:serviceaccount:default:app +get +secrets +default +3 +s$/m);
    expect((await client.call("GET", "/debug/authorization", { token })).code).toBe(403);
    await server.close();
  });

  test("`allow` asks nothing", async () => {
    await world.server.close();
    world = await openWorld("allow");
    expect((await world.as("u", "GET", pods)).code).toBe(200);
    expect(world.needs).toEqual([]);
    await world.server.close();
  });
});
