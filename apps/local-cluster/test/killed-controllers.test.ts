import { describe, expect, test } from "@jest/globals";
import { ConfigMap, Deployment, Job, type KubeClient, Namespace, Pod, ReplicaSet } from "@kelvin/kube";
import { type MortalCluster, type MortalClusterOptions, openMortalCluster } from "./mortal-cluster.ts";

// The controllers are killed in the midst of a flow and started anew; whatever the point, the world must come out the same.
// All points take minutes, so every third write is one, in turn just before and just after it:
//   KILL_AT_EVERY=1 tries each.

const stride = Number(process.env["KILL_AT_EVERY"] ?? 3);

interface Flow {
  readonly name: string;
  readonly cluster?: () => MortalClusterOptions;
  readonly begin: (kube: KubeClient) => Promise<unknown>;
  readonly isDone: (kube: KubeClient) => Promise<boolean>;
  readonly check: (cluster: MortalCluster) => Promise<void>;
}

const template = (image: string): object => ({
  metadata: { labels: { app: "web" } },
  spec: { containers: [{ name: "c", image }] },
});

async function isRolledOut(kube: KubeClient, image: string): Promise<boolean> {
  const { metadata, status, spec } = await kube.get(Deployment, web);
  const pods = (await kube.list(Pod)).items;
  return (
    status?.observedGeneration === metadata.generation &&
    status?.updatedReplicas === spec?.replicas &&
    status?.availableReplicas === spec?.replicas &&
    pods.length === spec?.replicas &&
    pods.every((pod) => pod.spec?.containers[0]?.image === image)
  );
}

const web = { namespace: "default", name: "web" };
const work = { namespace: "default", name: "work" };

function deployment(image: string): Deployment {
  const selector = { matchLabels: { app: "web" } };
  return { metadata: web, spec: { replicas: 2, selector, template: template(image) } } as Deployment;
}

function job(spec: object): Job {
  const pod = { restartPolicy: "Never", containers: [{ name: "c", image: "i" }] };
  return { metadata: work, spec: { ...spec, template: { spec: pod } } } as Job;
}

/** The first pod that runs fails, all others end well. */
function failingOnce(): MortalClusterOptions {
  let unlucky: string | undefined;
  return {
    endOf(pod) {
      unlucky ??= pod.metadata.uid;
      return pod.metadata.uid === unlucky ? "Failed" : "Succeeded";
    },
  };
}

async function jobEnd(kube: KubeClient): Promise<string | undefined> {
  const conditions = (await kube.find(Job, work))?.status?.conditions ?? [];
  return conditions.find(({ type, status }) => (type === "Complete" || type === "Failed") && status === "True")?.type;
}

const flows: readonly Flow[] = [
  {
    name: "a Deployment that is rolled out",
    async begin(kube) {
      await kube.create(Deployment, deployment("one"));
      await kube.patch(Deployment, web, { type: "merge", body: { spec: { template: template("two") } } });
    },
    isDone: (kube) => isRolledOut(kube, "two"),
    async check({ kube, activeMax }) {
      expect(activeMax()).toBeLessThanOrEqual(3);
      const sizes = (await kube.list(ReplicaSet)).items.map(({ spec }) => spec?.replicas ?? 0);
      expect(Math.max(...sizes)).toBe(2);
      expect(sizes.reduce((sum, size) => sum + size)).toBe(2);
    },
  },
  {
    name: "a Deployment that is deleted in the foreground",
    async begin(kube) {
      await kube.create(Deployment, deployment("one"));
      await kube.delete(Deployment, web, { propagationPolicy: "Foreground" });
    },
    isDone: async (kube) => (await kube.find(Deployment, web)) === undefined,
    async check({ kube }) {
      expect((await kube.list(ReplicaSet)).items).toEqual([]);
      expect((await kube.list(Pod)).items).toEqual([]);
    },
  },
  {
    name: "a Job of which one pod fails",
    cluster: failingOnce,
    begin: (kube) => kube.create(Job, job({ completions: 3, parallelism: 2 })),
    isDone: async (kube) => (await jobEnd(kube)) === "Complete",
    async check({ kube, everyPod }) {
      const { status } = await kube.get(Job, work);
      expect(status).toMatchObject({ succeeded: 3, failed: 1, ready: 0, uncountedTerminatedPods: {} });
      expect(everyPod.size).toBe(4);
      expect((await kube.list(Pod)).items.flatMap(({ metadata }) => metadata.finalizers ?? [])).toEqual([]);
    },
  },
  {
    name: "an Indexed Job of which one pod fails",
    cluster: failingOnce,
    begin: (kube) => kube.create(Job, job({ completions: 3, parallelism: 3, completionMode: "Indexed" })),
    isDone: async (kube) => (await jobEnd(kube)) === "Complete",
    async check({ kube, everyPod }) {
      const { status } = await kube.get(Job, work);
      expect(status).toMatchObject({ succeeded: 3, failed: 1, completedIndexes: "0-2" });
      expect(everyPod.size).toBe(4);
    },
  },
  {
    name: "a Job that runs into its deadline",
    begin: (kube) => kube.create(Job, job({ activeDeadlineSeconds: 20, parallelism: 2, completions: 2 })),
    isDone: async (kube) => (await jobEnd(kube)) === "Failed",
    async check({ kube, everyPod }) {
      const { status } = await kube.get(Job, work);
      expect(status).toMatchObject({ failed: 2, terminating: 0, uncountedTerminatedPods: {} });
      expect(status?.succeeded).toBeUndefined();
      expect(everyPod.size).toBe(2);
      expect((await kube.list(Pod)).items).toEqual([]);
    },
  },
  {
    name: "a Job that is removed after its time",
    cluster: () => ({ endOf: () => "Succeeded" }),
    begin: (kube) => kube.create(Job, job({ ttlSecondsAfterFinished: 30 })),
    isDone: async (kube) => (await kube.find(Job, work)) === undefined,
    async check({ kube, everyPod }) {
      expect((await kube.list(Pod)).items).toEqual([]);
      expect(everyPod.size).toBe(1);
    },
  },
  {
    name: "a namespace that goes with a Deployment and a Job in it",
    async begin(kube) {
      await kube.create(Namespace, { metadata: { name: "team" } });
      await kube.create(Deployment, { ...deployment("one"), metadata: { namespace: "team", name: "web" } });
      await kube.create(Job, { ...job({ parallelism: 2 }), metadata: { namespace: "team", name: "work" } });
      await kube.create(ConfigMap, { metadata: { namespace: "team", name: "c" } });
      await kube.delete(Namespace, { name: "team" });
    },
    isDone: async (kube) => (await kube.find(Namespace, { name: "team" })) === undefined,
    async check({ kube }) {
      expect((await kube.list(Pod)).items).toEqual([]);
      expect((await kube.list(Job)).items).toEqual([]);
    },
  },
];

const writesMax = 200;

describe.each(flows)("killed at any write: $name", ({ cluster: options, begin, isDone, check }) => {
  test("and started anew, the world comes out the same", async () => {
    for (let atWrite = 1; ; atWrite += stride) {
      const death = { atWrite, isCarriedOut: atWrite % 2 === 1 };
      const cluster = await openMortalCluster({ ...options?.(), death });
      try {
        await cluster.quiet();
        await begin(cluster.kube);
        await cluster.until(() => isDone(cluster.kube));
        await cluster.quiet();
        await check(cluster);
      } catch (error) {
        throw new Error(`killed at write ${atWrite}`, { cause: error });
      } finally {
        await cluster.close();
      }
      if (!cluster.hasDied()) return;
      expect(atWrite).toBeLessThan(writesMax);
    }
  }, 60_000);
});
