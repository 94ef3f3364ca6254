import { describe, expect, test } from "@jest/globals";
import { getCondition } from "@kelvin/api";
import type { Build, BuildSpec } from "@kelvin/api/build/v1alpha1";
import { deepFreeze, type Pod } from "@kelvin/kube";
import { build, container, ended, running, started, storedPod, waiting } from "../../../test/builders.ts";
import { findLoss } from "./loss.ts";
import { statusOf } from "./status-of.ts";

const now = new Date("2026-01-01T00:01:00Z");
const spec: BuildSpec = {
  image: "registry.localhost:5000/x/y:v1",
  source: { git: { url: "https://x/y", revision: "master" } },
  steps: [
    { name: "a", image: "i" },
    { name: "b", image: "i", volumeMounts: [{ name: "credentials-docker", mountPath: "/d" }] },
  ],
};
const initializer = container("build-step-credential-initializer", ended(0));
const digest = `sha256:${"a".repeat(64)}`;
const outcome = (results: Record<string, string>, failure?: { reason: string; message: string }): string =>
  JSON.stringify({
    results: Object.entries(results).map(([name, value]) => ({ name, value })),
    ...(failure === undefined ? {} : { failure }),
  });

function look(status: Pod["status"], owner: Build = build("b", spec, started())) {
  return statusOf(deepFreeze(storedPod(owner, status)), deepFreeze(owner), now);
}

function conditionOf(status: Pod["status"]) {
  const { status: value, reason, message } = getCondition(look(status), "Succeeded") ?? {};
  return [value, reason, message];
}

describe("the condition", () => {
  const source = container("build-step-git-source-0", ended(0));
  test.each<[string, Pod["status"], (string | undefined)[]]>([
    ["no status yet", {}, ["Unknown", "Pending", "Pending"]],
    [
      "a container that waits, with a message",
      { phase: "Pending", initContainerStatuses: [container("build-step-a", waiting("X", "for the volume"))] },
      ["Unknown", "Pending", 'build step "build-step-a" is pending with reason "for the volume"'],
    ],
    [
      "a container that waits, without",
      { phase: "Pending", initContainerStatuses: [container("build-step-a", waiting())], message: "pod message" },
      ["Unknown", "Pending", "pod message"],
    ],
    [
      "a Pod condition that is not True",
      {
        phase: "Pending",
        message: "pod message",
        conditions: [
          { type: "Initialized", status: "True" },
          { type: "PodScheduled", status: "False", message: "0/1 nodes are available" },
        ],
      },
      ["Unknown", "Pending", 'pod status "PodScheduled":"False"; message: "0/1 nodes are available"'],
    ],
    [
      "a step runs",
      { phase: "Pending", initContainerStatuses: [initializer, source, container("build-step-a", running)] },
      ["Unknown", "Building", 'build step "build-step-a" is running'],
    ],
    [
      "only nop runs",
      { phase: "Running", containerStatuses: [container("nop", running)] },
      ["Unknown", "Building", undefined],
    ],
    ["success", { phase: "Succeeded" }, ["True", "Succeeded", undefined]],
    [
      "a step failed",
      { phase: "Failed", initContainerStatuses: [initializer, source, container("build-step-a", ended(3))] },
      [
        "False",
        "StepFailed",
        'build step "build-step-a" exited with code 3 (image: "build-step-a@sha256:1"); for logs run: ' +
          "kubectl -n default logs b-pod-000001 -c build-step-a",
      ],
    ],
    [
      "a step failed and said why",
      { phase: "Failed", initContainerStatuses: [container("build-step-a", ended(3, "no such customer\n"))] },
      [
        "False",
        "StepFailed",
        'build step "build-step-a" exited with code 3 (image: "build-step-a@sha256:1"); for logs run: ' +
          "kubectl -n default logs b-pod-000001 -c build-step-a. It said: no such customer",
      ],
    ],
    [
      "a step used too much memory",
      { phase: "Failed", initContainerStatuses: [container("build-step-a", ended(137, undefined, "OOMKilled"))] },
      [
        "False",
        "StepOutOfMemory",
        'build step "build-step-a" exited with code 137 (image: "build-step-a@sha256:1"); for logs run: kubectl -n default ' +
          "logs b-pod-000001 -c build-step-a. It was killed for using more memory than its limit: raise " +
          "resources.limits.memory of the step",
      ],
    ],
    [
      "a container of ours says why",
      {
        phase: "Failed",
        initContainerStatuses: [
          initializer,
          container(
            "build-step-git-source-0",
            ended(1, outcome({}, { reason: "RevisionNotFound", message: "no branch x" })),
          ),
        ],
      },
      [
        "False",
        "RevisionNotFound",
        'build step "build-step-git-source-0" failed: no branch x; for logs run: kubectl -n default logs b-pod-000001 -c ' +
          "build-step-git-source-0",
      ],
    ],
    ["the Pod failed and says why", { phase: "Failed", message: "deadline" }, ["False", "PodFailed", "deadline"]],
    [
      "the Pod failed and does not",
      { phase: "Failed" },
      ["False", "PodFailed", "build failed for unspecified reasons."],
    ],
    [
      "evicted",
      { phase: "Failed", reason: "Evicted", message: "The node was low on resource: memory." },
      ["False", "PodEvicted", 'Pod "b-pod-000001" was taken from its node: The node was low on resource: memory.'],
    ],
    [
      "an image that cannot be pulled",
      { phase: "Pending", initContainerStatuses: [container("build-step-a", waiting("ImagePullBackOff", "Back-off"))] },
      [
        "False",
        "StepImagePullFailed",
        'build step "build-step-a" cannot pull its image "build-step-a-image": Back-off',
      ],
    ],
    [
      "an image that was tried once",
      { phase: "Pending", initContainerStatuses: [container("build-step-a", waiting("ErrImagePull", "no"))] },
      ["Unknown", "Pending", 'build step "build-step-a" is pending with reason "no"'],
    ],
    [
      "a Secret that is not there",
      {
        phase: "Pending",
        initContainerStatuses: [
          container("build-step-a", waiting("CreateContainerConfigError", 'secret "x" not found')),
        ],
      },
      ["False", "StepConfigError", 'build step "build-step-a" cannot be started as it is: secret "x" not found'],
    ],
  ])("%s", (_, status, want) => {
    expect(conditionOf(status)).toEqual(want);
  });

  test("changes its time only with its status", () => {
    const before = build(
      "b",
      spec,
      started({
        conditions: [
          { type: "Succeeded", status: "Unknown", reason: "Pending", lastTransitionTime: "2026-01-01T00:00:00Z" },
        ],
      }),
    );
    expect(getCondition(look({}, before), "Succeeded")?.lastTransitionTime).toBe("2026-01-01T00:00:00Z");
    expect(getCondition(look({ phase: "Succeeded" }, before), "Succeeded")?.lastTransitionTime).toBe(
      "2026-01-01T00:01:00Z",
    );
  });
});

describe("progress", () => {
  const source = container("build-step-git-source-0", ended(0, outcome({ commit: "abc", size: "12", digest: "d" })));

  test("while the second step runs", () => {
    const status = look({
      phase: "Pending",
      initContainerStatuses: [
        initializer,
        source,
        container("build-step-a", ended(0)),
        container("build-step-b", running),
      ],
    });
    expect(status).toMatchObject({
      builder: "Cluster",
      cluster: { namespace: "default", podName: "b-pod-000001" },
      startTime: "2026-01-01T00:00:00Z",
      observedGeneration: 1,
      attempts: [{ podName: "b-pod-000001", podUID: "uid-pod-b-pod-000001", stepsStarted: true }],
    });
    expect(status.completionTime).toBeUndefined();
    expect(status.sources).toEqual([
      {
        name: "0",
        kind: "git",
        container: "build-step-git-source-0",
        phase: "Succeeded",
        startedAt: "2026-01-01T00:00:01Z",
        finishedAt: "2026-01-01T00:00:02Z",
        exitCode: 0,
        reason: "Completed",
        commit: "abc",
        digest: "d",
        size: 12,
      },
    ]);
    expect(status.steps).toEqual([
      {
        name: "a",
        container: "build-step-a",
        phase: "Succeeded",
        startedAt: "2026-01-01T00:00:01Z",
        finishedAt: "2026-01-01T00:00:02Z",
        exitCode: 0,
        reason: "Completed",
      },
      { name: "b", container: "build-step-b", phase: "Running", startedAt: "2026-01-01T00:00:03Z", reason: "Running" },
    ]);
    expect(status.stepStates).toEqual([ended(0), running]);
    expect(status.stepsCompleted).toEqual(["build-step-a"]);
  });

  test("a failed step counts as completed, and those after it never ran", () => {
    const status = look({
      phase: "Failed",
      initContainerStatuses: [
        initializer,
        source,
        container("build-step-a", ended(2)),
        container("build-step-b", waiting()),
      ],
    });
    expect(status.stepsCompleted).toEqual(["build-step-a"]);
    expect(status.steps?.map(({ phase, reason, exitCode }) => ({ phase, reason, exitCode }))).toEqual([
      { phase: "Failed", reason: "Error", exitCode: 2 },
      { phase: "NotRun", reason: "NotRun", exitCode: undefined },
    ]);
    expect(status.completionTime).toBe("2026-01-01T00:00:02Z");
  });

  test("steps have not started while only ours have run", () => {
    const status = look({
      phase: "Pending",
      initContainerStatuses: [initializer, source, container("build-step-a", waiting())],
    });
    expect(status.attempts?.[0]?.stepsStarted).toBe(false);
  });

  test("a custom source is somebody else's container: it counts as begun", () => {
    const owner = build("b", { ...spec, source: { custom: { image: "c" } } }, started());
    const status = look(
      { phase: "Pending", initContainerStatuses: [container("build-step-custom-source", running)] },
      owner,
    );
    expect(status.attempts?.[0]?.stepsStarted).toBe(true);
  });
});

describe("results", () => {
  const pushed = { digest, image: "registry.localhost:5000/x/y:v1" };
  const after = (a: Record<string, string>, b: Record<string, string>, owner?: Build) =>
    look(
      {
        phase: "Succeeded",
        initContainerStatuses: [
          initializer,
          container("build-step-a", ended(0, outcome(a))),
          container("build-step-b", ended(0, outcome(b))),
        ],
      },
      owner,
    );

  test("are those of all steps, and the image is by digest", () => {
    const status = after({ tests: "12" }, pushed);
    expect(status.results).toEqual([
      { name: "tests", value: "12", step: "a" },
      { name: "digest", value: digest, step: "b" },
      { name: "image", value: "registry.localhost:5000/x/y:v1", step: "b" },
    ]);
    expect(status.image).toBe(`registry.localhost:5000/x/y@${digest}`);
  });

  test.each<[string, Record<string, string>, Record<string, string>]>([
    ["of a step without registry credentials", pushed, {}],
    ["of another repository", {}, { ...pushed, image: "registry.localhost:5000/x/other" }],
    ["of another registry", {}, { ...pushed, image: "example.com/x/y" }],
    ["that is no digest", {}, { ...pushed, digest: "latest" }],
    ["that is no reference", {}, { ...pushed, image: "::" }],
  ])("an image %s does not count", (_, a, b) => {
    const status = after(a, b);
    expect(status.image).toBeUndefined();
    expect(status.results).toBeUndefined();
  });

  test("an image does not count where none was declared", () => {
    const { image: _, ...undeclared } = spec;
    expect(after({}, pushed, build("b", undeclared, started())).image).toBeUndefined();
  });

  test("a digest alone is of the declared repository; any other termination message is none", () => {
    expect(after({}, { digest }).image).toBe(`registry.localhost:5000/x/y@${digest}`);
    const status = look({
      phase: "Succeeded",
      initContainerStatuses: [container("build-step-b", ended(0, "all is well"))],
    });
    expect(status.results).toBeUndefined();
    expect(status.steps?.[1]?.message).toBe("all is well");
  });
});

describe("a Pod that was lost", () => {
  const owner = build("b", spec, started());
  const asked = { deletionTimestamp: "2026-01-01T00:00:32Z", deletionGracePeriodSeconds: 30 };
  const deleted = (finishedAt: string, phase = "Failed"): Pod => {
    const state = { terminated: { exitCode: 143, finishedAt } };
    const pod = storedPod(owner, { phase, initContainerStatuses: [container("build-step-a", state)] });
    return { ...pod, metadata: { ...pod.metadata, ...asked } };
  };
  test.each<[string, Pod, string | undefined]>([
    ["by eviction", storedPod(owner, { phase: "Failed", reason: "Evicted" }), "PodEvicted"],
    [
      "by preemption",
      storedPod(owner, { phase: "Failed", conditions: [{ type: "DisruptionTarget", status: "True" }] }),
      "PodEvicted",
    ],
    ["with its node", storedPod(owner, { phase: "Failed", reason: "NodeLost" }), "PodEvicted"],
    [
      "with its node, which is back",
      storedPod(owner, {
        phase: "Failed",
        initContainerStatuses: [container("build-step-a", ended(255, undefined, "Unknown"))],
      }),
      "PodEvicted",
    ],
    ["by deletion while it ran", deleted("2026-01-01T00:00:03Z"), "PodLost"],
    ["not when its step had failed before", deleted("2026-01-01T00:00:01Z"), undefined],
    ["not while it ends", deleted("2026-01-01T00:00:03Z", "Pending"), undefined],
    ["not by its step", storedPod(owner, { phase: "Failed" }), undefined],
  ])("%s", (_, pod, want) => {
    expect(findLoss(pod)?.reason).toBe(want);
  });
});
