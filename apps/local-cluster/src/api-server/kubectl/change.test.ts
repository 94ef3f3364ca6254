import { beforeAll, beforeEach, expect, test } from "@jest/globals";
import { describeKubectl, useKubectl } from "../testing/kubectl.ts";

const kubectl = useKubectl();
const run = async (line: string, env: Record<string, string> = {}): Promise<string> => {
  const { out, err } = await kubectl.run(line, env);
  return (out + err).trim();
};
const map = (data: string, name = "m"): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: ${name}}\ndata: ${data}\n`;
const data = (name = "m"): Promise<string> => run(`get configmap ${name} -o jsonpath={.data}`);

describeKubectl("kubectl changes an object", () => {
  beforeEach(async () => {
    await run("delete configmap m --ignore-not-found");
    await run("create configmap m --from-literal=a=1 --from-literal=b=2");
  });

  test.each([
    [`--type=merge -p '{"data":{"a":null,"c":"3"}}'`, '{"b":"2","c":"3"}'],
    [
      `--type=json -p '[{"op":"test","path":"/data/a","value":"1"},{"op":"move","from":"/data/a","path":"/data/z"}]'`,
      '{"b":"2","z":"1"}',
    ],
    [`--type=strategic -p '{"data":{"$patch":"replace","x":"1"}}'`, '{"x":"1"}'],
    [`-p '{"data":{"b":"3"}}'`, '{"a":"1","b":"3"}'],
  ])("patch %s", async (options, want) => {
    expect(await run(`patch configmap m ${options}`)).toBe("configmap/m patched");
    expect(await data()).toBe(want);
    expect(await run(`patch configmap m --type=merge -p '{"data":{}}'`)).toBe("configmap/m patched (no change)");
  });

  test.each([
    [
      `--type=json -p '[{"op":"test","path":"/data/a","value":"2"}]'`,
      "the server rejected our request due to an error in our request",
    ],
    [`--type=merge -p '{"metadata":{"resourceVersion":"1"}}'`, "the object has been modified"],
    [`--type=merge -p '{"metadata":{"labels":{"a b":"c"}}}'`, 'metadata.labels: Invalid value: "a b"'],
  ])("patch %s is refused", async (options, want) => {
    expect(await run(`patch configmap m ${options}`)).toContain(want);
    expect(await data()).toBe('{"a":"1","b":"2"}');
  });

  test("label and annotate add, keep, overwrite, remove and list", async () => {
    expect(await run("label configmap m tier=one")).toBe("configmap/m labeled");
    expect(await run("label configmap m tier=two")).toContain(
      "'tier' already has a value (one), and --overwrite is false",
    );
    expect(await run("label configmap m tier=two --overwrite")).toBe("configmap/m labeled");
    expect(await run("label configmap m --list")).toBe("tier=two");
    expect(await run("label configmap m tier-")).toBe("configmap/m unlabeled");
    expect(await run("annotate configmaps note=x -l '!tier'")).toContain("configmap/m annotated");
    expect(await run("annotate configmap m --list")).toBe("note=x");
  });

  test("edit saves what the editor wrote, shows what was refused, and leaves alone what was not touched", async () => {
    const edit = (script: string): Promise<string> => run("edit configmap m", { KUBE_EDITOR: `sed -i ${script}` });
    expect(await edit("s/b:.*/b:\\ three/")).toBe("configmap/m edited");
    expect(await data()).toBe('{"a":"1","b":"three"}');
    expect(await edit("s/nothing/nothing/")).toBe("Edit cancelled, no changes made.");
    const refused = await edit("s/^kind:.*/kind:\\ Secret/");
    expect(refused).toMatch(/error|invalid|cannot/i);
    expect(await data()).toBe('{"a":"1","b":"three"}');
  });

  test("replace, with a version and by force", async () => {
    const path = await kubectl.file("m.yaml", map("{c: '3'}"));
    expect(await run(`replace -f ${path}`)).toBe("configmap/m replaced");
    expect(await data()).toBe('{"c":"3"}');
    const uid = await run("get configmap m -o jsonpath={.metadata.uid}");
    const forced = await run(`replace --force -f ${path}`);
    expect(forced).toMatch(/configmap "m" deleted[^]*configmap\/m replaced$/);
    expect(await run("get configmap m -o jsonpath={.metadata.uid}")).not.toBe(uid);
    const stale = map("{d: '4'}").replace("name: m", "name: m, resourceVersion: '1'");
    expect(await run(`replace -f ${await kubectl.file("stale.yaml", stale)}`)).toContain(
      "the object has been modified",
    );
    expect(await run(`replace -f ${await kubectl.file("none.yaml", map("{}", "none"))}`)).toContain(
      'configmaps "none" not found',
    );
  });

  test("diff, apply, view-last-applied and prune", async () => {
    const path = await kubectl.file("m.yaml", map("{a: '1', extra: new}"));
    for (const options of ["", "--server-side --force-conflicts"]) {
      expect(await run(`diff ${options} -f ${path}`)).toContain("+  extra: new");
    }
    expect(await run(`apply -f ${path}`)).toContain("configmap/m configured");
    expect(await run(`diff -f ${path}`)).toBe("");
    expect(await run("apply view-last-applied configmap m")).toContain("extra: new");
    const only = await kubectl.file("p1.yaml", map("{}", "p1").replace("name: p1", "name: p1, labels: {set: s}"));
    const both = await kubectl.file("p2.yaml", map("{}", "p2").replace("name: p2", "name: p2, labels: {set: s}"));
    await run(`apply -f ${only} -f ${both}`);
    const pruned = await run(`apply -f ${only} --prune -l set=s --prune-allowlist=core/v1/ConfigMap`);
    expect(pruned).toContain("configmap/p2 pruned");
    expect(await run("get configmaps -l set=s -o name")).toBe("configmap/p1");
  });

  test("set changes images, variables, resources, accounts and selectors", async () => {
    await run("create deployment d --image=dev.local/x --replicas=0");
    for (const line of [
      "image deployment/d x=dev.local/y",
      "env deployment/d A=1",
      "serviceaccount deployment/d robot",
    ]) {
      expect(await run(`set ${line}`)).toMatch(/updated$/);
    }
    expect(await run("set resources deployment d --limits=cpu=100m,memory=64Mi")).toMatch(/updated$/);
    const spec = JSON.parse(await run("get deployment d -o jsonpath={.spec.template.spec}")) as unknown;
    expect(spec).toMatchObject({
      serviceAccountName: "robot",
      containers: [{ image: "dev.local/y", env: [{ name: "A", value: "1" }], resources: { limits: { cpu: "100m" } } }],
    });
    expect(await run("set env deployment/d --list")).toContain("A=1");
  });
});

describeKubectl("kubectl tells about the server", () => {
  beforeAll(async () => {
    await run("create serviceaccount teller");
  });

  test("api-resources, api-versions, cluster-info, version", async () => {
    const resources = await run("api-resources --verbs=list,watch --sort-by=name --no-headers");
    expect(resources).toMatch(/^configmaps +cm +v1 +true +ConfigMap$/m);
    expect(resources).toMatch(/^events +ev +events\.k8s\.io\/v1 +true +Event$/m);
    expect(await run("api-resources --namespaced=false -o name")).toMatch(/^nodes$/m);
    expect(await run("api-resources --categories=all -o name")).toContain("deployments.apps");
    const versions = await run("api-versions");
    for (const version of ["v1", "apps/v1", "events.k8s.io/v1", "rbac.authorization.k8s.io/v1"]) {
      expect(versions.split("\n")).toContain(version);
    }
    expect(await run("version -o json")).toContain('"gitVersion": "v1.34.0"');
    expect(await run("cluster-info")).toContain("is running at");
  });

  test("auth can-i, --list, whoami and reconcile", async () => {
    const as = "--as=system:serviceaccount:default:teller";
    expect(await run("auth can-i '*' '*' --all-namespaces")).toBe("yes");
    expect(await run(`auth can-i get pods --subresource=log ${as}`)).toContain("no");
    const role = `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: teller, namespace: default}
rules: [{apiGroups: [""], resources: [pods/log], verbs: [get]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: teller, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: teller}
subjects: [{kind: ServiceAccount, name: teller, namespace: default}]
`;
    expect(await run(`auth reconcile -f ${await kubectl.file("role.yaml", role)}`)).toContain("reconciled");
    expect(await run(`auth can-i get pods --subresource=log ${as}`)).toBe("yes");
    expect(await run(`auth can-i --list ${as}`)).toMatch(/^pods\/log +\[\] +\[\] +\[get\]$/m);
    expect(await run(`auth whoami ${as}`)).toContain("system:serviceaccount:default:teller");
    expect(await run("auth can-i get /metrics --as=nobody")).toContain("no");
  });

  test("explain names types, enumerates below and tells what it does not know", async () => {
    expect(await run("explain deployment.spec.strategy")).toContain("rollingUpdate");
    expect(await run("explain pods --api-version=v1")).toContain("VERSION:    v1");
    expect(await run("explain pod.spec.nothing")).toContain('field "nothing" does not exist');
    expect(await run("explain event.regarding --api-version=events.k8s.io/v1")).toContain("ObjectReference");
  });
});
