// Makes Builds, and Pods of their shape, and sees how they go.
import { getCondition } from "@kelvin/api";
import { Build, buildLabels, succeededCondition } from "@kelvin/api/build/v1alpha1";
import { loadKubeConfig, openInformer, openKubeClient, Pod } from "@kelvin/kube";

/** What runs in a step. */
export interface Step {
  readonly image: string;
  readonly command: readonly string[];
}

export interface BuildWatch {
  /** Creates a Build of one step. Resolves when it has ended, with the time until its Pod was seen, if it ended well. */
  runBuild(step: Step): Promise<number | undefined>;
  /**
   * Creates a Pod of such steps, which this runtime is to run: that cannot be asked of a Build, whose own containers are
   * directories. Resolves when it has ended, with the termination messages of the steps, if it ended well.
   */
  runPod(step: Step, count: number, runtime: string): Promise<string[] | undefined>;
  close(): Promise<void>;
}

const namespace = "default";

/** Watches the Builds and Pods of the namespace `default`. */
export async function openBuildWatch(kubeconfig: string): Promise<BuildWatch> {
  const kube = openKubeClient(await loadKubeConfig({ path: kubeconfig }));
  const builds = openInformer(kube, Build, { namespace });
  const pods = openInformer(kube, Pod, { namespace });
  await Promise.all([builds.synced, pods.synced]);
  const podSeenMs = new Map<string, number>();
  const ended = new Map<string, (one: Build | Pod) => void>();
  pods.onChange(({ after }) => {
    const build = after?.metadata.labels?.[buildLabels.buildName] ?? "";
    if (!podSeenMs.has(build)) podSeenMs.set(build, performance.now());
    if (after?.status?.phase === "Succeeded" || hasFailed(after)) ended.get(after?.metadata.name ?? "")?.(after as Pod);
  });
  builds.onChange(({ after }) => {
    const status = getCondition(after?.status, succeededCondition)?.status;
    if (after !== undefined && (status === "True" || status === "False")) ended.get(after.metadata.name ?? "")?.(after);
  });
  let count = 0;
  const newName = (): string => `bench-${(count += 1)}`;
  return {
    async runBuild(step) {
      const name = newName();
      const end = new Promise<Build | Pod>((resolve) => ended.set(name, resolve));
      const createdMs = performance.now();
      await kube.create(Build, makeBuild(name, step));
      const build = (await end) as Build;
      const isGood = getCondition(build.status, succeededCondition)?.status === "True";
      return isGood ? (podSeenMs.get(name) ?? NaN) - createdMs : undefined;
    },
    async runPod(step, steps, runtime) {
      const name = newName();
      const end = new Promise<Build | Pod>((resolve) => ended.set(name, resolve));
      await kube.create(Pod, makePod(name, { step, steps, runtime }));
      const { status } = (await end) as Pod;
      if (status?.phase !== "Succeeded") return undefined;
      return (status.initContainerStatuses ?? []).map(({ state }) => state?.terminated?.message ?? "");
    },
    async close() {
      await Promise.all([builds.close(), pods.close()]);
      await kube.close();
    },
  };
}

/** A Pod that was refused by its node's runtimes waits for ever. */
function hasFailed(pod: Pod | undefined): boolean {
  const waiting = pod?.status?.initContainerStatuses?.find(({ state }) => state?.waiting !== undefined);
  const reason = waiting?.state?.waiting?.reason ?? "";
  return (
    pod?.status?.phase === "Failed" || reason === "CreateContainerConfigError" || reason === "CreateContainerError"
  );
}

function makeBuild(name: string, { image, command }: Step): Build {
  return {
    apiVersion: `${Build.group}/${Build.version}`,
    kind: Build.kind,
    metadata: { name, namespace },
    spec: { steps: [{ image, command: [...command] }] },
  };
}

function makePod(name: string, { step, steps, runtime }: { step: Step; steps: number; runtime: string }): Pod {
  const container = { image: step.image, command: [...step.command] };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace, annotations: { "kelvin.dev/runtime": runtime } },
    spec: {
      restartPolicy: "Never",
      automountServiceAccountToken: false,
      initContainers: Array.from({ length: steps }, (_, index) => ({ ...container, name: `step-${index}` })),
      containers: [{ name: "nop", image: step.image, command: ["true"] }],
    },
  } as Pod;
}
