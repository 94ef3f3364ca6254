// What surrounds the Builds of the tests: the application build-world, a registry with a password, accounts.

const world = "world.default.svc.cluster.local";
/** Repositories that anybody, and that only `reader` may fetch. */
export const openRepository = `http://${world}/open/app`;
export const privateRepository = `http://${world}/private/app`;
export const bombUrl = `http://${world}/bomb.tar.gz`;
/** A registry that lets nobody push; it speaks plain http. */
export const refusingRegistry = world;

/** `reader` with the password `open-sesame`. */
const htpasswd = "reader:$2b$06$a.De.9JYWWzxVxoxUAzxluFwO8owRHkwKdU/KUPfD/aS/saN0ccHq\n";

const metadata = (name: string, more: object = {}): object => ({ name, namespace: "default", ...more });

/** All of it. The private registry is at `private.localhost:<registryPort>`, for Pods and for the node. */
export function worldManifests(registryPort: number): object[] {
  const file = { name: "password", mountPath: "/etc/registry" };
  return [
    ...serve("world", { image: "dev.local/build-world" }, { ports: [{ port: 80, targetPort: 8080 }] }),
    makeSecret("private-registry", { type: "Opaque", stringData: { htpasswd } }),
    ...serve(
      "private",
      {
        image: "dev.local/apps/registry",
        env: [
          { name: "REGISTRY_DIRECTORY", value: "/var/lib/registry" },
          { name: "REGISTRY_HTPASSWD", value: "/etc/registry/htpasswd" },
          { name: "POD_IP", valueFrom: { fieldRef: { fieldPath: "status.podIP" } } },
        ],
        volumeMounts: [file, { name: "content", mountPath: "/var/lib/registry" }],
      },
      { type: "LoadBalancer", ports: [{ port: registryPort, targetPort: 5000 }] },
    ),
    { apiVersion: "v1", kind: "ServiceAccount", metadata: metadata("log-reader") },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "Role",
      metadata: metadata("log-reader"),
      rules: [{ apiGroups: [""], resources: ["pods/log"], verbs: ["get"] }],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "RoleBinding",
      metadata: metadata("log-reader"),
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "Role", name: "log-reader" },
      subjects: [{ kind: "ServiceAccount", name: "log-reader", namespace: "default" }],
    },
  ];
}

/** A ServiceAccount that has `reader`'s password, or what it takes for it, for the private repository and registry. */
export function makeAccount(name: string, password: string, registry: string): object[] {
  const reader = { username: "reader", password };
  const basic = { type: "kubernetes.io/basic-auth", stringData: reader };
  const auths = { [registry]: { ...reader, auth: Buffer.from(`reader:${password}`).toString("base64") } };
  const pull = { ".dockerconfigjson": JSON.stringify({ auths }) };
  return [
    makeSecret(`${name}-git`, basic, { "build.knative.dev/git-0": `http://${world}` }),
    makeSecret(`${name}-push`, basic, { "build.knative.dev/docker-0": `http://${registry}` }),
    makeSecret(`${name}-pull`, { type: "kubernetes.io/dockerconfigjson", stringData: pull }),
    {
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: metadata(name),
      secrets: [{ name: `${name}-git` }, { name: `${name}-push` }],
      imagePullSecrets: [{ name: `${name}-pull` }],
    },
  ];
}

function makeSecret(name: string, content: { type: string; stringData: object }, annotations: object = {}): object {
  return { apiVersion: "v1", kind: "Secret", metadata: metadata(name, { annotations }), ...content };
}

/** A Deployment of one container, and its Service. */
function serve(
  name: string,
  container: object,
  service: { type?: string; ports: readonly { port: number; targetPort: number }[] },
): object[] {
  const readinessProbe = { tcpSocket: { port: service.ports[0]?.targetPort } };
  const volumes = [
    { name: "content", emptyDir: {} },
    { name: "password", secret: { secretName: "private-registry" } },
  ];
  const spec = { containers: [{ name, ...container, readinessProbe }], volumes };
  return [
    {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: metadata(name),
      spec: {
        selector: { matchLabels: { app: name } },
        template: { metadata: { labels: { app: name } }, spec },
      },
    },
    {
      apiVersion: "v1",
      kind: "Service",
      metadata: metadata(name),
      spec: { selector: { app: name }, ...service },
    },
  ];
}
