// Makes Builds and sees how they go.
import { getCondition } from "@kelvin/api";
import { Build, buildLabels, succeededCondition } from "@kelvin/api/build/v1alpha1";
import { loadKubeConfig, openInformer, openKubeClient, Pod } from "@kelvin/kube";

/** What was seen of one Build. */
export interface SeenBuild {
  readonly status: string;
  readonly toPodMs: number;
  /** Of its steps, in their order. */
  readonly terminationMessages: readonly string[];
}

export interface BuildWatch {
  /** Creates a Build of these steps and resolves once it has ended. */
  run(steps: readonly object[]): Promise<SeenBuild>;
  close(): Promise<void>;
}

export function isBuildEnded(seen: SeenBuild | undefined): boolean {
  return seen?.status === "True";
}

/** Watches the Builds and Pods of the namespace `default`. */
export async function openBuildWatch(kubeconfig: string): Promise<BuildWatch> {
  const kube = openKubeClient(await loadKubeConfig({ path: kubeconfig }));
  const namespace = "default";
  const builds = openInformer(kube, Build, { namespace });
  const pods = openInformer(kube, Pod, { namespace });
  await Promise.all([builds.synced, pods.synced]);
  const podSeenMs = new Map<string, number>();
  const waiting = new Map<string, (build: Build) => void>();
  pods.onChange(({ after }) => {
    const build = after?.metadata.labels?.[buildLabels.buildName] ?? "";
    if (!podSeenMs.has(build)) podSeenMs.set(build, performance.now());
  });
  builds.onChange(({ after }) => {
    const condition = getCondition(after?.status, succeededCondition);
    if (after === undefined || condition === undefined || condition.status === "Unknown") return;
    waiting.get(after.metadata.name ?? "")?.(after);
  });
  let count = 0;
  return {
    async run(steps) {
      count += 1;
      const name = `bench-${count}`;
      const ended = new Promise<Build>((resolve) => waiting.set(name, resolve));
      const createdMs = performance.now();
      await kube.create(Build, {
        apiVersion: `${Build.group}/${Build.version}`,
        kind: Build.kind,
        metadata: { name, namespace },
        spec: { steps: [...steps] },
      } as Build);
      const build = await ended;
      waiting.delete(name);
      const states = build.status?.stepStates as readonly { terminated?: { message?: string } }[] | undefined;
      return {
        status: getCondition(build.status, succeededCondition)?.status ?? "",
        toPodMs: (podSeenMs.get(name) ?? NaN) - createdMs,
        terminationMessages: (states ?? []).map(({ terminated }) => terminated?.message ?? ""),
      };
    },
    async close() {
      await Promise.all([builds.close(), pods.close()]);
      await kube.close();
    },
  };
}
