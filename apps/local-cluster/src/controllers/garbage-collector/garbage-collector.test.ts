import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { silentLog, silentRecorder } from "@kelvin/controller";
import {
  ConfigMap,
  CustomResourceDefinition,
  type Kind,
  type KubeObject,
  Namespace,
  openInformer,
  type OwnerReference,
  Secret,
} from "@kelvin/kube";
import { fakeClock, openFakeKube, type FakeClock, type FakeKube } from "@kelvin/testkit";
import { builtInResources } from "../../api-server/kinds.ts";
import { openKindDirectory } from "../kind-directory.ts";
import { openObjectGraph } from "./object-graph.ts";
import { openGarbageCollector } from "./open-garbage-collector.ts";

const Widget: Kind = { group: "x.dev", version: "v1", kind: "Widget", plural: "widgets", namespaced: true };

let kube: FakeKube;
let clock: FakeClock;
let close: () => Promise<void>;
let warnings: string[][];

beforeEach(() => {
  warnings = [];
  clock = fakeClock();
  kube = openFakeKube({ clock });
  const definitions = openInformer(kube, CustomResourceDefinition);
  const directory = openKindDirectory(builtInResources, definitions);
  const graph = openObjectGraph(kube, directory);
  const recorder = { ...silentRecorder, warning: (_: KubeObject, ...told: string[]) => void warnings.push(told) };
  const collector = openGarbageCollector({ kube, clock, log: silentLog, directory, graph, recorder });
  close = async () => {
    await collector.close();
    await Promise.all([graph.close(), definitions.close()]);
  };
});

afterEach(() => close());

async function quiet(): Promise<void> {
  for (let idle = 0; idle < 3;) {
    const before = kube.writes.length;
    await clock.advance(10);
    idle = kube.writes.length === before ? idle + 1 : 0;
  }
}

function ownedBy(owner: KubeObject, more: Partial<OwnerReference> = {}): OwnerReference {
  const { name = "", uid = "" } = owner.metadata;
  return { apiVersion: "v1", kind: "ConfigMap", name, uid, ...more };
}

async function configMap(
  name: string,
  ownerReferences: OwnerReference[] = [],
  namespace = "default",
): Promise<ConfigMap> {
  return kube.create(ConfigMap, { metadata: { name, namespace, ownerReferences } });
}

function names(): (string | undefined)[] {
  return kube.objects(ConfigMap).map(({ metadata }) => metadata.name);
}

const keyed = (name: string): { namespace: string; name: string } => ({ namespace: "default", name });

describe("garbage collection", () => {
  test("dependents follow their owner, over several levels and kinds", async () => {
    const root = await configMap("root");
    const child = await configMap("child", [ownedBy(root)]);
    await kube.create(Secret, {
      metadata: { name: "grandchild", namespace: "default", ownerReferences: [ownedBy(child)] },
    });
    await quiet();
    await kube.delete(ConfigMap, keyed("root"));
    await quiet();
    expect([names(), kube.objects(Secret)]).toEqual([[], []]);
  });

  test("a dependent that is created after its owner went is deleted too", async () => {
    const owner = await configMap("owner");
    await kube.delete(ConfigMap, keyed("owner"));
    await quiet();
    await configMap("late", [ownedBy(owner)]);
    await quiet();
    expect(names()).toEqual([]);
  });

  test("an owner created anew under the same name is another: its predecessor's dependents go", async () => {
    const owner = await configMap("owner");
    await configMap("child", [ownedBy(owner)]);
    await quiet();
    await kube.delete(ConfigMap, keyed("owner"));
    await configMap("owner");
    await quiet();
    expect(names()).toEqual(["owner"]);
  });

  test("a dependent of two owners only loses the reference to the one that went", async () => {
    const one = await configMap("one");
    const two = await configMap("two");
    await configMap("child", [ownedBy(one), ownedBy(two)]);
    await quiet();
    await kube.delete(ConfigMap, keyed("one"));
    await quiet();
    expect((await kube.get(ConfigMap, keyed("child"))).metadata.ownerReferences).toEqual([ownedBy(two)]);
    await kube.delete(ConfigMap, keyed("two"));
    await quiet();
    expect(names()).toEqual([]);
  });

  test("foreground: the owner goes last", async () => {
    const owner = await configMap("owner");
    const reference = ownedBy(owner, { blockOwnerDeletion: true });
    await kube.create(ConfigMap, {
      metadata: { ...keyed("held"), ownerReferences: [reference], finalizers: ["x.dev/hold"] },
    });
    await quiet();
    await kube.delete(ConfigMap, keyed("owner"), { propagationPolicy: "Foreground" });
    await quiet();
    expect(names()).toEqual(["held", "owner"]);
    await kube.patch(ConfigMap, keyed("held"), { type: "merge", body: { metadata: { finalizers: null } } });
    await quiet();
    expect(names()).toEqual([]);
  });

  test("foreground: a dependent that does not block is not waited for", async () => {
    const owner = await configMap("owner");
    await kube.create(ConfigMap, {
      metadata: { ...keyed("held"), ownerReferences: [ownedBy(owner)], finalizers: ["x.dev/hold"] },
    });
    await quiet();
    await kube.delete(ConfigMap, keyed("owner"), { propagationPolicy: "Foreground" });
    await quiet();
    expect(names()).toEqual(["held"]);
  });

  test("foreground: a circle of owners is no deadlock", async () => {
    const a = await configMap("a");
    const b = await configMap("b", [ownedBy(a, { blockOwnerDeletion: true })]);
    const c = await configMap("c", [ownedBy(b, { blockOwnerDeletion: true })]);
    const ownerReferences = [ownedBy(c, { blockOwnerDeletion: true })];
    await kube.patch(ConfigMap, keyed("a"), { type: "merge", body: { metadata: { ownerReferences } } });
    await quiet();
    await kube.delete(ConfigMap, keyed("a"), { propagationPolicy: "Foreground" });
    await quiet();
    expect(names()).toEqual([]);
  });

  test("orphan: dependents stay and forget their owner", async () => {
    const owner = await configMap("owner");
    await configMap("child", [ownedBy(owner)]);
    await quiet();
    await kube.delete(ConfigMap, keyed("owner"), { propagationPolicy: "Orphan" });
    await quiet();
    expect(names()).toEqual(["child"]);
    expect((await kube.get(ConfigMap, keyed("child"))).metadata.ownerReferences ?? []).toEqual([]);
  });

  test("an owner in another namespace counts as gone, and that is told", async () => {
    const owner = await configMap("owner", [], "elsewhere");
    await configMap("child", [ownedBy(owner)]);
    await quiet();
    expect(names()).toEqual(["owner"]);
    expect(warnings.map(([reason]) => reason)).toContain("OwnerRefInvalidNamespace");
  });

  test("an owner within a namespace cannot own a cluster-scoped object; nothing is deleted", async () => {
    const owner = await configMap("owner");
    await kube.create(Namespace, { metadata: { name: "odd", ownerReferences: [ownedBy(owner, { uid: "gone" })] } });
    await quiet();
    expect(await kube.find(Namespace, { name: "odd" })).toBeDefined();
  });

  test("an owner of a kind that is not served is waited for, not presumed gone; once it is served it counts", async () => {
    const reference = { apiVersion: "x.dev/v1", kind: "Widget", name: "w", uid: "no-such-uid" };
    await configMap("child", [reference]);
    await quiet();
    expect(names()).toEqual(["child"]);
    kube.put(definition());
    await quiet();
    expect(names()).toEqual([]);
  });

  test("custom objects are owners and dependents like any others", async () => {
    kube.put(definition());
    await quiet();
    const owner = await kube.create(Widget, { metadata: keyed("owner") });
    await kube.create(Widget, {
      metadata: { ...keyed("child"), ownerReferences: [ownedBy(owner, { apiVersion: "x.dev/v1", kind: "Widget" })] },
    });
    await quiet();
    await kube.delete(Widget, keyed("owner"));
    await quiet();
    expect(kube.objects(Widget)).toEqual([]);
  });
});

function definition(): KubeObject {
  const object: CustomResourceDefinition = {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "widgets.x.dev" },
    spec: {
      group: "x.dev",
      scope: "Namespaced",
      names: { kind: "Widget", plural: "widgets" },
      versions: [{ name: "v1", served: true, storage: true }],
    },
    status: { conditions: [{ type: "Established", status: "True" }] },
  };
  return object;
}
