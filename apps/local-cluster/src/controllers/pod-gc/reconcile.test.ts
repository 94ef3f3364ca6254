import { describe, expect, test } from "@jest/globals";
import { Node, Pod } from "@kelvin/kube";
import { fakeClock, openFakeKube } from "@kelvin/testkit";
import { lostNodeGraceMs, type PodGcDeps, reconcilePodGc, terminatedPodsMax } from "./reconcile.ts";

function world(): { kube: ReturnType<typeof openFakeKube>; clock: ReturnType<typeof fakeClock>; deps: PodGcDeps } {
  const kube = openFakeKube();
  const clock = fakeClock();
  const deps: PodGcDeps = {
    kube,
    clock,
    node: () => undefined,
    terminatedPods: () => kube.objects(Pod).filter(({ status }) => status?.phase === "Succeeded"),
    missingSinceMs: new Map(),
  };
  return { kube, clock, deps };
}

describe("reconcilePodGc", () => {
  test("pods of a node that is gone are removed once it had time to come back", async () => {
    const { kube, clock, deps } = world();
    const pod = await kube.create(Pod, {
      metadata: { name: "p", namespace: "default" },
      spec: { containers: [], nodeName: "lost" },
    });
    expect(await reconcilePodGc(pod, deps)).toEqual({ requeueAfterMs: lostNodeGraceMs });
    await clock.advance(lostNodeGraceMs);
    await reconcilePodGc(pod, deps);
    expect(kube.objects(Pod)).toEqual([]);
  });

  test("such a pod is said to have failed, for those who hold it until it ends", async () => {
    const { kube, clock, deps } = world();
    const pod = await kube.create(Pod, {
      metadata: { name: "p", namespace: "default", finalizers: ["batch.kubernetes.io/job-tracking"] },
      spec: { containers: [], nodeName: "lost" },
    });
    await reconcilePodGc(pod, deps);
    await clock.advance(lostNodeGraceMs);
    await reconcilePodGc(pod, deps);
    const [left] = kube.objects(Pod);
    expect(left?.metadata.deletionTimestamp).toBeDefined();
    expect(left?.status).toMatchObject({
      phase: "Failed",
      conditions: [{ type: "DisruptionTarget", reason: "DeletionByPodGC" }],
    });
  });

  test("a node that only the cache misses keeps its pods", async () => {
    const { kube, clock, deps } = world();
    await kube.create(Node, { metadata: { name: "there" } });
    const pod = await kube.create(Pod, {
      metadata: { name: "p", namespace: "default" },
      spec: { containers: [], nodeName: "there" },
    });
    await reconcilePodGc(pod, deps);
    await clock.advance(lostNodeGraceMs);
    await reconcilePodGc(pod, deps);
    expect(kube.objects(Pod)).toHaveLength(1);
  });

  test("of finished pods the oldest go, beyond what is kept", async () => {
    const { kube, deps } = world();
    for (let index = 0; index < terminatedPodsMax + 2; index += 1) {
      const creationTimestamp = new Date(Date.UTC(2026, 0, 1, 0, 0, index)).toISOString();
      kube.put({
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name: `p${index}`, namespace: "default", creationTimestamp },
        status: { phase: "Succeeded" },
      } as Pod);
    }
    await reconcilePodGc(kube.objects(Pod)[0] as Pod, deps);
    const left = kube.objects(Pod).map(({ metadata }) => metadata.name);
    expect(left).toHaveLength(terminatedPodsMax);
    expect(left).not.toContain("p0");
    expect(left).not.toContain("p1");
  });
});
