import { once } from "node:events";
import { beforeAll, expect, test } from "@jest/globals";
import { ConfigMap, Namespace } from "@kelvin/kube";
import { describeKubectl, useKubectl } from "../testing/kubectl.ts";

const kubectl = useKubectl();
const run = async (line: string, env: Record<string, string> = {}): Promise<string> => {
  const { out, err } = await kubectl.run(line, env);
  return (out + err).trim();
};
const single = (text: string): string => text.replaceAll(/ +/g, " ").replaceAll(/ $/gm, "");

describeKubectl("kubectl get", () => {
  beforeAll(async () => {
    for (const [name, size] of [
      ["b", "2"],
      ["a", "3"],
      ["c", "1"],
    ] as const) {
      await run(`create configmap ${name} --from-literal=size=${size}`);
      await run(`label configmap ${name} size=${size}`);
    }
    await run("run web --image=dev.local/x --port=80");
  });

  test.each([
    ["configmaps -o name", "configmap/a\nconfigmap/b\nconfigmap/c"],
    ["configmaps --sort-by=.data.size -o name", "configmap/c\nconfigmap/b\nconfigmap/a"],
    ["configmap a b -o jsonpath={.items[*].data.size}", "3 2"],
    ["configmap a -o jsonpath='{range .metadata.labels}{.size}{end}'", "3"],
    ["configmap a -o go-template={{.data.size}}", "3"],
    ["configmaps -l size!=1 -o name", "configmap/a\nconfigmap/b"],
    ["configmaps -l 'size in (1,2),!other' -o name", "configmap/b\nconfigmap/c"],
    ["configmaps --field-selector=metadata.name=b -o name", "configmap/b"],
    ["configmaps --chunk-size=1 -o name", "configmap/a\nconfigmap/b\nconfigmap/c"],
    ["cm/a pod/web -o name", "configmap/a\npod/web"],
    ["pods --field-selector=status.phase=Pending,spec.nodeName= -o name", "pod/web"],
  ])("%s", async (line, want) => {
    expect(await run(`get ${line}`)).toBe(want);
  });

  test.each([
    ["configmaps -o custom-columns=N:.metadata.name,S:.data.size --sort-by=.metadata.name", "N S\na 3\nb 2\nc 1"],
    ["configmaps --show-labels -l size=1", "NAME DATA AGE LABELS\nc 1 <age> size=1"],
    ["configmaps -L size -l size=1", "NAME DATA AGE SIZE\nc 1 <age> 1"],
    ["pods", "NAME READY STATUS RESTARTS AGE\nweb 0/1 Pending 0 <age>"],
    [
      "pods -o wide",
      "NAME READY STATUS RESTARTS AGE IP NODE NOMINATED NODE READINESS GATES\nweb 0/1 Pending 0 <age> <none> <none> <none> <none>",
    ],
    [
      "services -A",
      "NAMESPACE NAME TYPE CLUSTER-IP EXTERNAL-IP PORT(S) AGE\ndefault kubernetes ClusterIP 10.96.0.1 <none> 443/TCP <age>",
    ],
  ])("%s prints a table", async (line, want) => {
    expect(single(await run(`get ${line}`)).replaceAll(/\b\d+s\b/g, "<age>")).toBe(want);
  });

  test("-o yaml and json are of the stored object, without who owns its fields", async () => {
    const text = await run("get configmap a -o yaml");
    expect(text).toMatch(/^apiVersion: v1\ndata:\n {2}size: "3"\nkind: ConfigMap\n/);
    expect(JSON.parse(await run("get configmap a -o json"))).toMatchObject({ kind: "ConfigMap", data: { size: "3" } });
    expect(JSON.parse(await run("get configmaps -o json"))).toMatchObject({ kind: "List", items: [{}, {}, {}] });
  });

  test.each([
    ["configmap none", 'Error from server (NotFound): configmaps "none" not found'],
    ["nothings", `error: the server doesn't have a resource type "nothings"`],
    [
      "pods --field-selector=spec.color=red",
      "field label not supported: spec.color; pods can be selected by metadata.name, ",
    ],
    ["pods -l a=b=c", "unable to parse"],
  ])("%s is told", async (line, want) => {
    expect(await run(`get ${line}`)).toContain(want);
  });

  test.each<[string, Record<string, string>, string[]]>([
    ["-w", {}, ["w1 0", "w1 1", "w2 0", "w2 0"]],
    [
      "-w --output-watch-events",
      { KUBE_FEATURE_WatchListClient: "true" },
      ["ADDED w1 0", "MODIFIED w1 1", "ADDED w2 0", "DELETED w2 0"],
    ],
  ])("%s prints changes as they come, %j", async (options, env, want) => {
    const { kube } = kubectl.server;
    const { metadata } = await kube.create(Namespace, { metadata: { generateName: "watched-" } });
    const { name: namespace = "" } = metadata;
    await kube.create(ConfigMap, { metadata: { name: "w1", namespace } });
    const watching = kubectl.start(`get configmaps -n ${namespace} ${options}`, env);
    let out = "";
    watching.stdout.on("data", (chunk: Buffer) => (out += String(chunk)));
    const lines = (): string[] =>
      single(out)
        .split("\n")
        .slice(0, -1)
        .filter((line) => !line.includes("NAME"));
    const reached = async (count: number): Promise<void> => {
      while (lines().length < count) await once(watching.stdout, "data");
    };
    // With the first line it has its list, from which its watch goes on.
    await reached(1);
    await kube.patch(ConfigMap, { name: "w1", namespace }, { type: "merge", body: { data: { a: "b" } } });
    await kube.create(ConfigMap, { metadata: { name: "w2", namespace } });
    await kube.delete(ConfigMap, { name: "w2", namespace });
    await reached(want.length);
    watching.kill();
    expect(lines().map((line) => line.replace(/ \d+s$/, ""))).toEqual(want);
  });
});
