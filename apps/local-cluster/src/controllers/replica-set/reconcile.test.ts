import { describe, expect, test } from "@jest/globals";
import { silentRecorder } from "@kelvin/controller";
import { ForbiddenError, Pod, ReplicaSet } from "@kelvin/kube";
import { fakeClock, openFakeKube, type FakeKube } from "@kelvin/testkit";
import { type ReplicaSetDeps, reconcileReplicaSet } from "./reconcile.ts";
import { openUnseenWrites } from "../unseen-writes.ts";

const labels = { app: "web" };

async function world(replicas: number): Promise<{ kube: FakeKube; replicaSet: ReplicaSet }> {
  const kube = openFakeKube();
  const replicaSet = await kube.create(ReplicaSet, {
    metadata: { name: "web", namespace: "default" },
    spec: {
      replicas,
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers: [{ name: "c", image: "i" }] } },
    },
  });
  kube.writes.length = 0;
  return { kube, replicaSet };
}

/** Deps whose copy of the pods is whatever `shown` says: stale for as long as the test wants. */
function depsOf(kube: FakeKube, shown: () => readonly Pod[], clock = fakeClock()): ReplicaSetDeps {
  let seed = 0;
  return {
    kube,
    clock,
    recorder: silentRecorder,
    random: () => (seed = (seed * 16_807 + 7) % 2_147_483_647) / 2_147_483_647,
    unseen: openUnseenWrites(() => clock.monotonicMs()),
    candidatePods: shown,
    siblingCounts: () => new Map(),
  };
}

describe("reconcileReplicaSet", () => {
  test("on a copy that shows none of the new pods it creates no more", async () => {
    const { kube, replicaSet } = await world(7);
    const deps = depsOf(kube, () => []);
    for (let pass = 0; pass < 3; pass += 1) await reconcileReplicaSet(replicaSet, deps);
    expect(kube.objects(Pod)).toHaveLength(7);
  });

  test("on a copy that still shows the deleted pods it deletes no more", async () => {
    const { kube, replicaSet } = await world(5);
    await reconcileReplicaSet(
      replicaSet,
      depsOf(kube, () => []),
    );
    const stale = kube.objects(Pod);
    const deps = depsOf(kube, () => stale);
    const smaller: ReplicaSet = {
      ...replicaSet,
      spec: { ...replicaSet.spec, selector: { matchLabels: labels }, replicas: 3 },
    };
    for (let pass = 0; pass < 3; pass += 1) await reconcileReplicaSet(smaller, deps);
    expect(kube.objects(Pod)).toHaveLength(3);
  });

  test("an event that comes before the answer is not counted twice", async () => {
    const { kube, replicaSet } = await world(2);
    const deps = depsOf(kube, () => kube.objects(Pod));
    kube.intercept(undefined);
    const create = kube.create.bind(kube);
    const eager: FakeKube = {
      ...kube,
      async create(kind, object, options) {
        const created = await create(kind, object, options);
        deps.unseen.observe({ before: undefined, after: created as Pod });
        return created;
      },
    };
    await reconcileReplicaSet(replicaSet, { ...deps, kube: eager });
    expect(deps.unseen.expiresInMs(replicaSet.metadata.uid ?? "")).toBeUndefined();
    expect(kube.objects(Pod)).toHaveLength(2);
  });

  test("a creation that nobody ever sees is believed for a minute, not for ever", async () => {
    const { kube, replicaSet } = await world(1);
    const clock = fakeClock();
    const deps = depsOf(kube, () => [], clock);
    expect(await reconcileReplicaSet(replicaSet, deps)).toEqual({ requeueAfterMs: 60_000 });
    await clock.advance(60_000);
    await reconcileReplicaSet(replicaSet, deps);
    expect(kube.objects(Pod)).toHaveLength(2);
  });

  test("what is refused is tried a few times, not for every pod, and becomes a condition", async () => {
    const { kube, replicaSet } = await world(100);
    let tries = 0;
    kube.intercept(({ verb }) => {
      if (verb !== "create") return;
      tries += 1;
      throw new ForbiddenError("exceeded quota: q, requested: pods=1");
    });
    const outcome = await reconcileReplicaSet(
      replicaSet,
      depsOf(kube, () => []),
    );
    expect(tries).toBe(1);
    expect(outcome.requeueAfterMs).toBeGreaterThan(0);
    expect(replicaSet.status?.conditions).toMatchObject([
      {
        type: "ReplicaFailure",
        status: "True",
        reason: "FailedCreate",
        message: "exceeded quota: q, requested: pods=1",
      },
    ]);
  });

  test("in a namespace that goes away nothing is created and nothing is reported", async () => {
    const { kube, replicaSet } = await world(1);
    kube.intercept(({ verb }) => {
      if (verb !== "create") return;
      throw new ForbiddenError("terminating", { details: { causes: [{ reason: "NamespaceTerminating" }] } });
    });
    expect(
      await reconcileReplicaSet(
        replicaSet,
        depsOf(kube, () => []),
      ),
    ).toEqual({});
    expect(replicaSet.status?.conditions).toBeUndefined();
  });

  test("a matching orphan is adopted instead of created, and a pod that matches no more is let go", async () => {
    const { kube, replicaSet } = await world(1);
    const owned = {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      name: "web",
      uid: replicaSet.metadata.uid ?? "",
      controller: true,
    };
    const orphan: Pod = { metadata: { name: "orphan", namespace: "default", labels }, spec: { containers: [] } };
    const changed: Pod = {
      metadata: { name: "changed", namespace: "default", labels: { app: "debug" }, ownerReferences: [owned] },
      spec: { containers: [] },
    };
    await kube.create(Pod, orphan);
    await kube.create(Pod, changed);
    await reconcileReplicaSet(
      replicaSet,
      depsOf(kube, () => kube.objects(Pod)),
    );
    const owners = kube.objects(Pod).map(({ metadata }) => [metadata.name, metadata.ownerReferences?.[0]?.uid]);
    expect(owners).toEqual([
      ["changed", undefined],
      ["orphan", replicaSet.metadata.uid],
    ]);
  });

  test("terminating and finished pods do not count", async () => {
    const { kube, replicaSet } = await world(1);
    const owned = {
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      name: "web",
      uid: replicaSet.metadata.uid ?? "",
      controller: true,
    };
    const metadata = { namespace: "default", labels, ownerReferences: [owned] };
    kube.put({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { ...metadata, name: "going", deletionTimestamp: "2026-01-01T00:00:00Z" },
    });
    kube.put({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { ...metadata, name: "failed" },
      status: { phase: "Failed" },
    } as Pod);
    await reconcileReplicaSet(
      replicaSet,
      depsOf(kube, () => kube.objects(Pod)),
    );
    expect(kube.objects(Pod)).toHaveLength(3);
    expect(replicaSet.status).toMatchObject({ replicas: 0 });
    expect(replicaSet.status?.readyReplicas).toBeUndefined();
  });

  test("a pod is available only after it was ready for minReadySeconds, and is looked at again then", async () => {
    const { kube, replicaSet } = await world(1);
    const clock = fakeClock(new Date("2026-01-01T00:00:04Z"));
    await reconcileReplicaSet(
      replicaSet,
      depsOf(kube, () => []),
    );
    const [created] = kube.objects(Pod);
    const conditions = [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }];
    const readyPod: Pod = { ...(created as Pod), status: { phase: "Running", conditions } };
    const patient = {
      ...replicaSet,
      spec: { ...replicaSet.spec, selector: { matchLabels: labels }, minReadySeconds: 10 },
    };
    const deps = depsOf(kube, () => [readyPod], clock);
    expect(await reconcileReplicaSet(patient, deps)).toEqual({ requeueAfterMs: 6_000 });
    expect(patient.status).toMatchObject({ readyReplicas: 1 });
    expect(patient.status?.availableReplicas).toBeUndefined();
  });
});
