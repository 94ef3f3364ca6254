import { describe, expect, test } from "@jest/globals";
import type { Deployment, ReplicaSet } from "@kelvin/kube";
import fc from "fast-check";
import { fencepostsOf } from "./fenceposts.ts";
import { decideExpired, decideRollout, type Generations } from "./rollout.ts";

type RollingUpdate = { maxSurge?: number | string; maxUnavailable?: number | string };

function deployment(replicas: number, rollingUpdate: RollingUpdate = {}, more: object = {}): Deployment {
  return {
    metadata: { name: "web", namespace: "default", uid: "d" },
    spec: {
      replicas,
      strategy: { type: "RollingUpdate", rollingUpdate },
      selector: { matchLabels: { app: "web" } },
      template: { metadata: { labels: { app: "web" } }, spec: { containers: [] } },
      ...more,
    },
  };
}

interface Sizes {
  replicas: number;
  available?: number;
  desired?: number;
  max?: number;
  revision?: number;
}

function replicaSet(name: string, { replicas, available = replicas, desired, max, revision = 1 }: Sizes): ReplicaSet {
  return {
    metadata: {
      name,
      namespace: "default",
      generation: 1,
      creationTimestamp: `2026-01-01T00:00:0${revision}Z`,
      annotations: {
        "deployment.kubernetes.io/revision": String(revision),
        ...(desired !== undefined && { "deployment.kubernetes.io/desired-replicas": String(desired) }),
        ...(max !== undefined && { "deployment.kubernetes.io/max-replicas": String(max) }),
      },
    },
    spec: { replicas, selector: {} },
    status: { replicas, availableReplicas: available, observedGeneration: 1 },
  };
}

function scalesOf(object: Deployment, generations: Generations, oldPodsRun = false): string[] {
  const { createWithReplicas, scales } = decideRollout(object, generations, oldPodsRun);
  const created = createWithReplicas === undefined ? [] : [`create ${createWithReplicas}`];
  return [...created, ...scales.map((scale) => `${scale.replicaSet.metadata.name ?? ""} ${scale.replicas}`)];
}

describe("fenceposts", () => {
  test.each<[number, RollingUpdate, [surge: number, unavailable: number]]>([
    [10, {}, [3, 2]],
    [1, {}, [1, 0]],
    [4, {}, [1, 1]],
    [10, { maxSurge: 0, maxUnavailable: 0 }, [0, 1]],
    [10, { maxSurge: "0%", maxUnavailable: "5%" }, [0, 1]],
    [100, { maxSurge: "7%", maxUnavailable: "29%" }, [7, 29]],
    [2, { maxSurge: 0, maxUnavailable: "100%" }, [0, 2]],
    [2, { maxSurge: 0, maxUnavailable: 7 }, [0, 2]],
    [0, { maxSurge: "25%", maxUnavailable: 1 }, [0, 0]],
  ])("of %i replicas with %j are %j", (replicas, rollingUpdate, [maxSurge, maxUnavailable]) => {
    expect(fencepostsOf(deployment(replicas, rollingUpdate))).toEqual({ maxSurge, maxUnavailable });
  });

  test("what is neither number nor percentage names itself", () => {
    expect(() => fencepostsOf(deployment(3, { maxSurge: "a few" }))).toThrow(
      '"a few" is neither a number nor a percentage',
    );
  });
});

describe("decideRollout", () => {
  const rows: {
    name: string;
    object: Deployment;
    current?: ReplicaSet;
    old?: ReplicaSet[];
    oldPodsRun?: boolean;
    want: string[];
  }[] = [
    { name: "a new Deployment creates its ReplicaSet whole", object: deployment(3), want: ["create 3"] },
    {
      name: "a new template starts with what the surge allows",
      object: deployment(4),
      old: [replicaSet("old", { replicas: 4, desired: 4 })],
      want: ["create 1"],
    },
    {
      name: "without surge it starts with nothing",
      object: deployment(4, { maxSurge: 0, maxUnavailable: 1 }),
      old: [replicaSet("old", { replicas: 4, desired: 4 })],
      want: ["create 0"],
    },
    {
      name: "old pods go only as far as enough are available",
      object: deployment(4, { maxSurge: 1, maxUnavailable: 1 }),
      current: replicaSet("new", { replicas: 1, available: 0, desired: 4 }),
      old: [replicaSet("old", { replicas: 4, desired: 4 })],
      want: ["old 3"],
    },
    {
      name: "one replica is not taken down before the new one is available",
      object: deployment(1),
      current: replicaSet("new", { replicas: 1, available: 0, desired: 1 }),
      old: [replicaSet("old", { replicas: 1, desired: 1 })],
      want: [],
    },
    {
      name: "old pods that are not available go first",
      object: deployment(2, { maxSurge: 1, maxUnavailable: 0 }),
      current: replicaSet("new", { replicas: 1, available: 1, desired: 2 }),
      old: [
        replicaSet("older", { replicas: 1, available: 1, desired: 2 }),
        replicaSet("broken", { replicas: 1, available: 0, desired: 2, revision: 2 }),
      ],
      want: ["broken 0"],
    },
    {
      name: "scaling from zero raises the current ReplicaSet at once",
      object: deployment(1),
      current: replicaSet("new", { replicas: 0, desired: 0 }),
      want: ["new 1"],
    },
    {
      name: "a resize in the middle of a rollout is shared in proportion",
      object: deployment(20, { maxSurge: 0, maxUnavailable: 5 }),
      current: replicaSet("new", { replicas: 5, desired: 10, max: 10, revision: 2 }),
      old: [replicaSet("old", { replicas: 5, desired: 10, max: 10 })],
      want: ["new 10", "old 10"],
    },
    {
      name: "a paused Deployment is resized, not rolled out",
      object: deployment(3, {}, { paused: true }),
      old: [replicaSet("old", { replicas: 1, desired: 1 })],
      want: ["old 3"],
    },
    {
      name: "Recreate takes all old pods down first",
      object: deployment(2, {}, { strategy: { type: "Recreate" } }),
      old: [replicaSet("old", { replicas: 2, desired: 2 })],
      want: ["old 0"],
    },
    {
      name: "Recreate waits for the last old pod to end",
      object: deployment(2, {}, { strategy: { type: "Recreate" } }),
      old: [replicaSet("old", { replicas: 0 })],
      oldPodsRun: true,
      want: [],
    },
    {
      name: "Recreate then starts all at once",
      object: deployment(2, {}, { strategy: { type: "Recreate" } }),
      old: [replicaSet("old", { replicas: 0 })],
      want: ["create 2"],
    },
  ];
  test.each(rows)("$name", ({ object, current, old = [], oldPodsRun = false, want }) => {
    expect(scalesOf(object, { current, old }, oldPodsRun)).toEqual(want);
  });

  test("every rollout ends, and never leaves the fenceposts on its way", () => {
    const percent = fc.integer({ min: 0, max: 100 }).map((value) => `${value}%`);
    const limit = fc.oneof(fc.integer({ min: 0, max: 6 }), percent);
    const shapes = fc.record({ replicas: fc.integer({ min: 1, max: 30 }), maxSurge: limit, maxUnavailable: limit });
    fc.assert(
      fc.property(shapes, ({ replicas, ...rollingUpdate }) => {
        const object = deployment(replicas, rollingUpdate);
        const { maxSurge, maxUnavailable } = fencepostsOf(object);
        const totals: number[] = [];
        const end = rollOut(object, (total) => totals.push(total));
        expect(Math.max(...totals)).toBeLessThanOrEqual(replicas + maxSurge);
        expect(Math.min(...totals)).toBeGreaterThanOrEqual(replicas - maxUnavailable);
        expect(end).toEqual({ old: 0, new: replicas });
      }),
    );
  });
});

/** Follows the decisions with pods that become available at once, and tells of the pods in all after each step. */
function rollOut(object: Deployment, onStep: (total: number) => void): Record<string, number> {
  const desired = object.spec?.replicas ?? 0;
  const sizes: Record<string, number> = { old: desired };
  const make = (name: string, revision: number): ReplicaSet | undefined =>
    sizes[name] === undefined ? undefined : replicaSet(name, { replicas: sizes[name], desired, revision });
  for (let step = 0; step < 10 * desired + 10; step += 1) {
    const generations = { current: make("new", 2), old: [make("old", 1)].filter((made) => made !== undefined) };
    const { createWithReplicas, scales } = decideRollout(object, generations, false);
    if (createWithReplicas === undefined && scales.length === 0) break;
    if (createWithReplicas !== undefined) sizes["new"] = createWithReplicas;
    for (const scale of scales) sizes[scale.replicaSet.metadata.name ?? ""] = scale.replicas;
    onStep(Object.values(sizes).reduce((sum, size) => sum + size, 0));
  }
  return sizes;
}

describe("decideExpired", () => {
  test("the oldest empty ReplicaSets beyond the limit go; one with pods stays", () => {
    const old = [
      replicaSet("one", { replicas: 0, revision: 1 }),
      replicaSet("two", { replicas: 1, revision: 2 }),
      replicaSet("three", { replicas: 0, revision: 3 }),
      replicaSet("four", { replicas: 0, revision: 4 }),
    ];
    const expired = decideExpired(deployment(1, {}, { revisionHistoryLimit: 1 }), old);
    expect(expired.map(({ metadata }) => metadata.name)).toEqual(["one", "three"]);
  });
});
