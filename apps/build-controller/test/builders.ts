import type { KubeObject } from "@kelvin/api";
import {
  Build,
  buildAnnotations,
  buildLabels,
  parseBuildConfig,
  type BuildSpec,
  type BuildStatus,
} from "@kelvin/api/build/v1alpha1";
import type { Pod } from "@kelvin/kube";
import { pod as anyPod, ownedBy, withStatus, type Change } from "@kelvin/testkit";
import { makePod, type PodIngredients } from "../src/build/resources/pod.ts";

export const steps = [
  { name: "compile", image: "compiler" },
  { name: "push", image: "pusher", args: ["push", "registry.localhost:5000/x/y"] },
];

/** A Build as admission leaves it. */
export function build(name: string, spec: BuildSpec = {}, ...changes: Change<Build>[]): Build {
  const object: Build = {
    apiVersion: "build.knative.dev/v1alpha1",
    kind: "Build",
    metadata: {
      name,
      namespace: "default",
      uid: `uid-build-${name}`,
      generation: 1,
      creationTimestamp: "2025-12-31T23:00:00Z",
    },
    spec: {
      serviceAccountName: "default",
      timeout: "10m0s",
      Status: "",
      ...(spec.template === undefined && spec.steps === undefined ? { steps } : {}),
      ...spec,
    },
  };
  for (const change of changes) change(object);
  return object;
}

/** Says that the Build's only Pod is `<name>-pod-000001`, made a second after midnight, and known to exist. */
export function started(more: Partial<BuildStatus> = {}): Change<Build> {
  return (object) => {
    const podName = `${object.metadata.name}-pod-000001`;
    object.status = {
      builder: "Cluster",
      observedGeneration: 1,
      cluster: { namespace: "default", podName },
      startTime: "2026-01-01T00:00:00Z",
      attempts: [{ podName, podUID: `uid-pod-${podName}`, startedAt: "2026-01-01T00:00:00Z", stepsStarted: false }],
      ...more,
    };
  };
}

/** Says how the Build ended. */
export function finished(
  status: "True" | "False",
  reason: string,
  completionTime = "2026-01-01T00:00:00Z",
): Change<Build> {
  return (object) => {
    object.status = {
      ...object.status,
      completionTime,
      conditions: [{ type: "Succeeded", status, reason, lastTransitionTime: completionTime }],
    };
  };
}

export const config = parseBuildConfig({ "steps-image": "build-steps" });

/** The Pod of a Build, as the controller makes it. */
export function madePod(owner: Build, ingredients: Partial<PodIngredients> = {}): Pod {
  const podName = `${owner.metadata.name}-pod-000001`;
  return makePod(owner, { template: undefined, secrets: [], config, podName, attempt: 1, ...ingredients });
}

/** The same, stored and with a status. */
export function storedPod(owner: Build, status: Pod["status"] = {}, ...changes: Change<Pod>[]): Pod {
  const made = madePod(owner);
  const object: Pod = { ...made, metadata: { ...made.metadata, uid: `uid-pod-${made.metadata.name}` }, status };
  for (const change of changes) change(object);
  return object;
}

type State = NonNullable<NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number]["state"]>;

/** How one container stands. */
export function container(name: string, state: State) {
  return { name, state, image: `${name}-image`, imageID: `${name}@sha256:1`, ready: false, restartCount: 0 };
}

export const ended = (exitCode: number, message?: string, reason = exitCode === 0 ? "Completed" : "Error"): State => ({
  terminated: {
    exitCode,
    reason,
    startedAt: "2026-01-01T00:00:01Z",
    finishedAt: "2026-01-01T00:00:02Z",
    ...(message === undefined ? {} : { message }),
  },
});
export const running: State = { running: { startedAt: "2026-01-01T00:00:03Z" } };
export const waiting = (reason = "PodInitializing", message = ""): State => ({
  waiting: { reason, ...(message === "" ? {} : { message }) },
});

export const serviceAccount = (name = "default", secrets: readonly string[] = []): KubeObject =>
  ({
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name, namespace: "default", uid: `uid-serviceaccount-${name}` },
    secrets: secrets.map((secret) => ({ name: secret })),
  }) as KubeObject;

/** A Pod of a Build with a name and nothing else of interest. */
export function barePod(owner: Build, phase: string): Pod {
  const labels = { [buildLabels.buildName]: owner.metadata.name ?? "" };
  return anyPod(`${owner.metadata.name}-pod-000001`, ownedBy(owner), withStatus({ phase }), (object) => {
    object.metadata.labels = labels;
    object.metadata.annotations = { [buildAnnotations.attempt]: "1" };
  });
}
