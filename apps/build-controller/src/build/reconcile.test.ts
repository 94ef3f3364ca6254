import { describe, expect, test } from "@jest/globals";
import { getCondition, type KubeObject } from "@kelvin/api";
import { Build, type BuildSpec } from "@kelvin/api/build/v1alpha1";
import { requeueAfter } from "@kelvin/controller";
import { ConflictError, ForbiddenError, openInformer, Pod } from "@kelvin/kube";
import {
  describeReconcile,
  fakeClock,
  openFakeKube,
  secret,
  withAnnotations,
  type Change,
  type FakeKube,
} from "@kelvin/testkit";
import {
  build,
  config,
  container,
  ended,
  finished,
  madePod,
  running,
  serviceAccount,
  started,
  storedPod,
  waiting,
} from "../../test/builders.ts";
import type { BuildDeps } from "./deps.ts";
import { groupsOf, indexes, ownersOf } from "./informer-indexes.ts";
import { reconcileBuild } from "./reconcile.ts";

const { group, version, kind, plural, namespaced } = Build;
const timeoutMs = 600_000;
const whole = requeueAfter(timeoutMs);
const cancelled: Change<Build> = ({ spec }) => {
  spec.Status = "BuildCancelled";
};
const at =
  (creationTimestamp: string): Change<Build> =>
  ({ metadata }) => {
    metadata.creationTimestamp = creationTimestamp;
  };
const template = (name: string, spec: object, templateKind = "BuildTemplate"): KubeObject =>
  ({
    apiVersion: "build.knative.dev/v1alpha1",
    kind: templateKind,
    metadata: { name, ...(templateKind === "BuildTemplate" ? { namespace: "default" } : {}) },
    spec,
  }) as KubeObject;

const member = (name: string, second: number, ...changes: Change<Build>[]): Build =>
  build(name, { concurrency: { group: "main" } }, at(`2026-01-01T00:00:0${second}Z`), ...changes);
const inRun = { phase: "Pending", initContainerStatuses: [container("build-step-compile", running)] };
const notBegun = { phase: "Pending", initContainerStatuses: [container("build-step-compile", waiting())] };
const evicted = { phase: "Failed", reason: "Evicted" };
const evictedInRun = { ...evicted, initContainerStatuses: [container("build-step-compile", ended(137))] };

describeReconcile<Build, BuildDeps>(
  {
    kind: { group, version, kind, plural, namespaced },
    reconcile: reconcileBuild,
    makeDeps: ({ informer }, context) => ({
      ...context,
      builds: informer(Build, { indexes: { [indexes.group]: groupsOf } }),
      pods: informer(Pod, { indexes: { [indexes.build]: ownersOf } }),
      lastSeen: () => undefined,
      config,
      logs: { drain: () => Promise.resolve() },
      newSuffix: () => "000001",
    }),
  },
  [
    {
      name: "a new Build writes down the name of its Pod and makes it",
      world: [build("b"), serviceAccount()],
      key: "default/b",
      wantCreated: [madePod(build("b"))],
      wantStatus: { Succeeded: "Unknown/Pending" },
      wantStatusFields: {
        builder: "Cluster",
        cluster: { namespace: "default", podName: "b-pod-000001" },
        startTime: "2026-01-01T00:00:00Z",
        attempts: [{ podName: "b-pod-000001", stepsStarted: false }],
      },
      wantEvents: ['Normal Created: Created Pod "b-pod-000001"'],
      wantOutcome: whole,
      // The second run finds the uid of the Pod, which the fake gave.
      mayWriteAgain: false,
    },
    {
      name: "a Build whose Pod's name was written down gets that Pod",
      world: [
        build("b", {}, started({ attempts: [{ podName: "b-pod-000001", startedAt: "2026-01-01T00:00:00Z" }] })),
        serviceAccount(),
      ],
      key: "default/b",
      wantCreated: [madePod(build("b"))],
      wantStatus: { Succeeded: "Unknown/Pending" },
      wantEvents: ['Normal Created: Created Pod "b-pod-000001"'],
      wantOutcome: whole,
    },
    {
      name: "without its ServiceAccount a Build fails",
      world: [build("b", { serviceAccountName: "x" })],
      key: "default/b",
      wantStatus: { Succeeded: "False/BuildValidationFailed" },
      wantStatusFields: {
        cluster: { podName: "" },
        completionTime: "2026-01-01T00:00:00Z",
        conditions: [{ message: 'serviceaccounts "x" not found' }],
      },
      wantEvents: ['Warning BuildValidationFailed: serviceaccounts "x" not found'],
    },
    {
      name: "that is new it waits a moment for its ServiceAccount",
      world: [build("b", { serviceAccountName: "x" }, at("2025-12-31T23:59:59Z"))],
      key: "default/b",
      wantOutcome: requeueAfter(300),
    },
    {
      name: "without one of its Secrets a Build fails",
      world: [build("b"), serviceAccount("default", ["y"])],
      key: "default/b",
      wantStatusFields: { conditions: [{ reason: "BuildValidationFailed", message: 'secrets "y" not found' }] },
      wantEvents: ['Warning BuildValidationFailed: secrets "y" not found'],
    },
    {
      name: "with a Secret for index.docker.io a Build fails",
      world: [
        build("b"),
        serviceAccount("default", ["y"]),
        secret("y", {}, withAnnotations({ "build.knative.dev/docker-0": "index.docker.io" })),
      ],
      key: "default/b",
      wantStatus: { Succeeded: "False/BuildValidationFailed" },
      wantEvents: [
        'Warning BuildValidationFailed: BadSecretAnnotation: Secret "y" has incorrect annotation ' +
          '"build.knative.dev/docker-0" / "index.docker.io", value should be "https://index.docker.io/v1/"',
      ],
    },
    ...(["BuildTemplate", "ClusterBuildTemplate"] as const).map((templateKind) => ({
      name: `without its ${templateKind} a Build fails`,
      world: [build("b", { template: { name: "n", kind: templateKind } }), serviceAccount()],
      key: "default/b",
      wantStatus: { Succeeded: "False/BuildValidationFailed" },
      wantEvents: [`Warning BuildValidationFailed: ${templateKind.toLowerCase()}s.build.knative.dev "n" not found`],
    })),
    {
      name: "of a kind of template that is none",
      world: [build("b", { template: { name: "n", kind: "Other" } }), serviceAccount()],
      key: "default/b",
      wantStatus: { Succeeded: "False/BuildValidationFailed" },
      wantEvents: ["Warning BuildValidationFailed: Incorrect Template Kind: Other"],
    },
    {
      name: "by a template of the cluster",
      world: [
        build("b", { template: { name: "n", kind: "ClusterBuildTemplate", arguments: [{ name: "I", value: "img" }] } }),
        serviceAccount(),
        template("n", { parameters: [{ name: "I" }], steps: [{ image: "${I}" }] }, "ClusterBuildTemplate"),
      ],
      key: "default/b",
      wantCreated: [
        madePod(
          build("b", {
            template: { name: "n", kind: "ClusterBuildTemplate", arguments: [{ name: "I", value: "img" }] },
          }),
          { template: { parameters: [{ name: "I" }], steps: [{ image: "${I}" }] } },
        ),
      ],
      wantStatus: { Succeeded: "Unknown/Pending" },
      wantEvents: ['Normal Created: Created Pod "b-pod-000001"'],
      wantOutcome: whole,
    },
    {
      name: "follows its Pod",
      world: [build("b", {}, started()), storedPod(build("b"), inRun)],
      key: "default/b",
      wantStatus: { Succeeded: "Unknown/Building" },
      wantOutcome: whole,
    },
    {
      name: "ends with its Pod, which stays for its logs",
      world: [build("b", {}, started()), storedPod(build("b"), { phase: "Succeeded" })],
      key: "default/b",
      wantStatus: { Succeeded: "True/Succeeded" },
      wantStatusFields: { completionTime: "2026-01-01T00:00:00Z" },
      wantEvents: ["Normal Succeeded: Build succeeded"],
    },
    {
      name: "is over once it has ended, whatever its Pod says then",
      world: [
        build("b", {}, started(), finished("True", "Succeeded"), cancelled),
        storedPod(build("b"), { phase: "Failed" }),
      ],
      key: "default/b",
      wantStatus: { Succeeded: "True/Succeeded" },
    },
    {
      name: "cancelled before it began",
      world: [build("b", {}, cancelled), serviceAccount()],
      key: "default/b",
      wantStatus: { Succeeded: "False/BuildCancelled" },
      wantStatusFields: { conditions: [{ message: 'Build "b" was cancelled' }], cluster: { podName: "" } },
      wantEvents: ['Warning BuildCancelled: Build "b" was cancelled'],
    },
    {
      name: "cancelled between name and Pod makes none",
      world: [build("b", {}, started({ attempts: [{ podName: "b-pod-000001" }] }), cancelled), serviceAccount()],
      key: "default/b",
      wantStatus: { Succeeded: "False/BuildCancelled" },
      wantEvents: ['Warning BuildCancelled: Build "b" was cancelled'],
    },
    {
      name: "cancelled in its run deletes its Pod, and says which step that ended",
      world: [
        build(
          "b",
          {},
          started({
            steps: [
              { name: "compile", phase: "Running" },
              { name: "push", phase: "Waiting" },
            ],
          }),
          cancelled,
        ),
        storedPod(build("b"), inRun),
      ],
      key: "default/b",
      wantDeleted: ["Pod default/b-pod-000001"],
      wantStatus: { Succeeded: "False/BuildCancelled" },
      wantStatusFields: {
        completionTime: "2026-01-01T00:00:00Z",
        steps: [
          { name: "compile", phase: "Failed", reason: "BuildCancelled" },
          { name: "push", phase: "NotRun" },
        ],
      },
      wantEvents: ['Warning BuildCancelled: Build "b" was cancelled'],
    },
    {
      name: "cancelled, but its Pod had already ended",
      world: [build("b", {}, started(), cancelled), storedPod(build("b"), { phase: "Succeeded" })],
      key: "default/b",
      wantStatus: { Succeeded: "True/Succeeded" },
      wantEvents: ["Normal Succeeded: Build succeeded"],
    },
    {
      name: "a Pod that came to be after the end is deleted",
      world: [build("b", {}, started(), finished("False", "BuildCancelled")), storedPod(build("b"), inRun)],
      key: "default/b",
      wantDeleted: ["Pod default/b-pod-000001"],
      wantStatus: { Succeeded: "False/BuildCancelled" },
    },
    {
      name: "late by its start, though this controller has just begun",
      world: [build("b", {}, started({ startTime: "2025-12-31T23:50:00Z" })), storedPod(build("b"), inRun)],
      key: "default/b",
      wantDeleted: ["Pod default/b-pod-000001"],
      wantStatus: { Succeeded: "False/BuildTimeout" },
      wantStatusFields: {
        conditions: [{ message: 'Build "b" failed to finish within "10m0s"' }],
        completionTime: "2026-01-01T00:00:00Z",
      },
      wantEvents: ['Warning BuildTimeout: Build "b" failed to finish within "10m0s"'],
    },
    {
      name: "late, but its Pod ended in time",
      world: [
        build("b", {}, started({ startTime: "2025-12-31T23:50:00Z" })),
        storedPod(build("b"), { phase: "Succeeded" }),
      ],
      key: "default/b",
      wantStatus: { Succeeded: "True/Succeeded" },
      wantEvents: ["Normal Succeeded: Build succeeded"],
    },
    {
      name: "an image that cannot be pulled ends it now, and its Pod with it",
      world: [
        build("b", {}, started()),
        storedPod(build("b"), {
          phase: "Pending",
          initContainerStatuses: [container("build-step-compile", waiting("ImagePullBackOff", "no such image"))],
        }),
      ],
      key: "default/b",
      wantDeleted: ["Pod default/b-pod-000001"],
      wantStatus: { Succeeded: "False/StepImagePullFailed" },
      wantEvents: [
        'Warning StepImagePullFailed: build step "build-step-compile" cannot pull its image "build-step-compile-image": no such image',
      ],
    },
    {
      name: "a Pod that is gone, and nobody knows how far it came, is not repeated",
      world: [build("b", {}, started()), serviceAccount()],
      key: "default/b",
      wantStatus: { Succeeded: "False/PodLost" },
      wantEvents: ['Warning PodLost: Pod "b-pod-000001" is gone: somebody deleted it, or its node was lost'],
    },
    {
      name: "a Pod that was evicted before a step began makes room for another",
      world: [build("b", {}, started()), storedPod(build("b"), evicted)],
      key: "default/b",
      wantDeleted: ["Pod default/b-pod-000001"],
      wantStatus: { Succeeded: "Unknown/Retrying" },
      wantStatusFields: { attempts: [{ podName: "b-pod-000001", reason: "PodEvicted", stepsStarted: false }] },
      wantOutcome: whole,
      // The second run makes the other Pod.
      mayWriteAgain: true,
    },
    {
      name: "a Pod that was evicted in the middle of a step ends the Build",
      world: [build("b", {}, started()), storedPod(build("b"), evictedInRun)],
      key: "default/b",
      wantStatus: { Succeeded: "False/PodEvicted" },
      wantEvents: ['Warning PodEvicted: Pod "b-pod-000001" was taken from its node: Evicted'],
    },
    {
      name: "unless it may be repeated",
      world: [build("b", { retries: 1 }, started()), storedPod(build("b"), evictedInRun)],
      key: "default/b",
      wantDeleted: ["Pod default/b-pod-000001"],
      wantStatus: { Succeeded: "Unknown/Retrying" },
      wantOutcome: whole,
      mayWriteAgain: true,
    },
    {
      name: "and that only as often as it says",
      world: [
        build(
          "b",
          { retries: 1 },
          started({
            attempts: [
              { podName: "b-pod-000000", podUID: "u0", reason: "PodEvicted", stepsStarted: true },
              { podName: "b-pod-000001", podUID: "uid-pod-b-pod-000001", stepsStarted: true },
            ],
          }),
        ),
        storedPod(build("b"), evictedInRun),
      ],
      key: "default/b",
      wantStatus: { Succeeded: "False/PodEvicted" },
      wantEvents: ['Warning PodEvicted: Pod "b-pod-000001" was taken from its node: Evicted'],
    },
    {
      name: "a Pod that is still going away is waited for: never two at once",
      world: [
        build(
          "b",
          {},
          started({
            attempts: [
              { podName: "b-pod-000001", podUID: "uid-pod-b-pod-000001", reason: "PodEvicted", stepsStarted: false },
            ],
          }),
        ),
        storedPod(build("b"), evicted, ({ metadata }) => {
          metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
          metadata.finalizers = ["somebody/else"];
        }),
        serviceAccount(),
      ],
      key: "default/b",
      wantStatus: { Succeeded: "Unknown/Retrying" },
      wantStatusFields: { attempts: [{ reason: "PodEvicted" }] },
      wantOutcome: whole,
    },
    {
      name: "once it is gone, the next attempt begins",
      world: [
        build(
          "b",
          {},
          started({
            cluster: { namespace: "default", podName: "b-pod-000000" },
            attempts: [{ podName: "b-pod-000000", podUID: "u0", reason: "PodEvicted", stepsStarted: false }],
          }),
        ),
        serviceAccount(),
      ],
      key: "default/b",
      wantCreated: [madePod(build("b"), { attempt: 2 })],
      wantStatus: { Succeeded: "Unknown/Pending" },
      wantStatusFields: {
        startTime: "2026-01-01T00:00:00Z",
        cluster: { podName: "b-pod-000001" },
        attempts: [{ podName: "b-pod-000000" }, { podName: "b-pod-000001" }],
      },
      wantEvents: ['Normal Created: Created Pod "b-pod-000001"'],
      wantOutcome: whole,
    },
    {
      name: "a newer Build of its group takes its place",
      world: [member("b", 1, started()), member("c", 2), storedPod(member("b", 1), inRun)],
      key: "default/b",
      wantDeleted: ["Pod default/b-pod-000001"],
      wantStatus: { Succeeded: "False/BuildSuperseded" },
      wantEvents: ['Warning BuildSuperseded: Build "b" was superseded by "c"'],
    },
    {
      name: "the newer one waits until the older one has ended",
      world: [member("b", 1, started()), member("c", 2), serviceAccount()],
      key: "default/c",
      wantStatus: { Succeeded: "Unknown/Queued" },
      wantStatusFields: { conditions: [{ message: 'waits for build "b" of group "main"' }] },
    },
    {
      name: "and until its Pod is gone",
      world: [
        member("b", 1, started(), finished("False", "BuildSuperseded")),
        member("c", 2),
        storedPod(member("b", 1), inRun, ({ metadata }) => {
          metadata.deletionTimestamp = "2026-01-01T00:00:00Z";
          metadata.finalizers = ["somebody/else"];
        }),
        serviceAccount(),
      ],
      key: "default/c",
      wantStatus: { Succeeded: "Unknown/Queued" },
    },
    {
      name: "and then starts",
      world: [member("b", 1, started(), finished("False", "BuildSuperseded")), member("c", 2), serviceAccount()],
      key: "default/c",
      wantCreated: [madePod(member("c", 2))],
      wantStatus: { Succeeded: "Unknown/Pending" },
      wantEvents: ['Normal Created: Created Pod "c-pod-000001"'],
      wantOutcome: whole,
    },
    {
      name: "goes itself when its time is up",
      world: [build("b", { ttlSecondsAfterFinished: 0 }, started(), finished("True", "Succeeded"))],
      key: "default/b",
      wantDeleted: ["Build default/b"],
    },
    {
      name: "and not before",
      world: [build("b", { ttlSecondsAfterFinished: 60 }, started(), finished("True", "Succeeded"))],
      key: "default/b",
      wantOutcome: requeueAfter(60_000),
    },
  ],
);

interface Bench {
  readonly kube: FakeKube;
  reconcile(name: string): Promise<unknown>;
  statusOf(name: string): string | undefined;
  close(): Promise<void>;
}

/** A reconciler whose caches are as old as the test wants: they are read when it says `refresh`. */
async function openBench(objects: readonly KubeObject[], more: Partial<BuildDeps> = {}): Promise<Bench> {
  const clock = fakeClock();
  const kube = openFakeKube({ clock, objects });
  let suffix = 0;
  const reconcile = async (name: string): Promise<unknown> => {
    const builds = openInformer(kube, Build, { indexes: { [indexes.group]: groupsOf } });
    const pods = openInformer(kube, Pod, { indexes: { [indexes.build]: ownersOf } });
    await Promise.all([builds.synced, pods.synced]);
    const found = builds.get({ namespace: "default", name });
    if (found === undefined) throw new Error(`there is no ${name}`);
    const object = structuredClone(found);
    try {
      return await reconcileBuild(object, {
        kube,
        clock,
        recorder: { normal: () => undefined, warning: () => undefined },
        builds,
        pods,
        lastSeen: () => undefined,
        config,
        logs: { drain: () => Promise.resolve() },
        newSuffix: () => String((suffix += 1)).padStart(6, "0"),
        ...more,
      });
    } finally {
      await Promise.all([builds.close(), pods.close()]);
    }
  };
  return {
    kube,
    reconcile,
    statusOf: (name) => {
      const found = kube.objects(Build).find(({ metadata }) => metadata.name === name);
      return getCondition(found?.status, "Succeeded")?.reason;
    },
    close: () => Promise.resolve(),
  };
}

describe("races and crashes", () => {
  const podsOf = ({ kube }: Bench): string[] => kube.objects(Pod).map(({ metadata }) => metadata.name ?? "");

  test("what was decided on an old Build is thrown away: the end that somebody else wrote stays", async () => {
    const bench = await openBench([build("b", {}, started()), storedPod(build("b"), inRun)]);
    // Between the read and the write another controller ends it.
    bench.kube.intercept(({ verb, kind: target }) => {
      if (verb !== "update" || target.kind !== "Build") return;
      bench.kube.intercept(undefined);
      bench.kube.put(build("b", {}, started(), finished("False", "BuildTimeout")));
    });
    await expect(bench.reconcile("b")).rejects.toBeInstanceOf(ConflictError);
    expect(bench.statusOf("b")).toBe("BuildTimeout");
  });

  test("two controllers at once make one Pod", async () => {
    const bench = await openBench([build("b"), serviceAccount()]);
    const both = await Promise.allSettled([bench.reconcile("b"), bench.reconcile("b")]);
    expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
    await bench.reconcile("b");
    expect(podsOf(bench)).toHaveLength(1);
  });

  test.each(["update Build", "create Pod", "update Build again"])(
    "killed at %s, another run ends up with one Pod",
    async (place) => {
      const bench = await openBench([build("b"), serviceAccount()]);
      let updates = 0;
      bench.kube.intercept(({ verb, kind: target }) => {
        const call = `${verb} ${target.kind}`;
        if (call === "update Build") updates += 1;
        const here = call === "update Build" && updates > 1 ? "update Build again" : call;
        if (here === place) throw new Error("killed");
      });
      await expect(bench.reconcile("b")).rejects.toThrow("killed");
      bench.kube.intercept(undefined);
      await bench.reconcile("b");
      await bench.reconcile("b");
      expect(podsOf(bench)).toHaveLength(1);
      const [stored] = bench.kube.objects(Build);
      expect(stored?.status?.cluster?.podName).toBe(podsOf(bench)[0]);
      expect(stored?.status?.attempts).toHaveLength(1);
    },
  );

  // The whole life of a Build with the controller killed at its n-th call to the API server, for every n.
  test.each<[string, (bench: Bench) => void, string]>([
    ["succeeds", () => undefined, "Succeeded"],
    ["is cancelled", ({ kube }) => kube.put(cancelledNow(kube)), "BuildCancelled"],
    ["is evicted before a step and runs again", ({ kube }) => kube.put(evictedNow(kube)), "Succeeded"],
  ])("killed at any call, a Build that %s has one Pod at a time and ends once", async (_, happens, wanted) => {
    for (let killAt = 1; ; killAt += 1) {
      const bench = await openBench([build("b"), serviceAccount()]);
      const seen = await liveThrough(bench, { killAt, happens, isPlayed: wanted === "Succeeded" });
      expect({ killAt, end: bench.statusOf("b"), most: seen.podsMax }).toEqual({ killAt, end: wanted, most: 1 });
      expect(endsOf(bench)).toHaveLength(1);
      expect(podsOf(bench)).toHaveLength(wanted === "BuildCancelled" ? 0 : 1);
      if (killAt > seen.calls) return;
    }
  });

  interface Life {
    readonly killAt: number;
    /** What happens once there is a Pod. */
    readonly happens: (bench: Bench) => void;
    /** Whether the node then runs the Pod to its end. */
    readonly isPlayed: boolean;
  }

  async function liveThrough(bench: Bench, { killAt, happens, isPlayed }: Life) {
    let [calls, podsMax] = [0, 0];
    bench.kube.intercept(({ verb, kind: target }) => {
      if (verb === "list" || verb === "watch") return;
      const creates = verb === "create" && target.kind === "Pod";
      podsMax = Math.max(podsMax, podsOf(bench).length + (creates ? 1 : 0));
      calls += 1;
      if (calls === killAt) throw new Error("killed");
    });
    const plays: ((bench: Bench) => void)[] = [happens, ...(isPlayed ? [playToEnd] : [])];
    for (let turn = 0; turn < 12; turn += 1) {
      await bench.reconcile("b").catch(() => undefined);
      const isDue = podsOf(bench).length > 0 && bench.statusOf("b") !== "Retrying";
      if (isDue) plays.shift()?.(bench);
    }
    return { calls, podsMax };
  }

  const playToEnd = ({ kube }: Bench): void => {
    const [pod] = kube.objects(Pod);
    kube.put({ ...pod, status: { phase: "Succeeded" } } as KubeObject);
  };
  const endsOf = ({ kube }: Bench) =>
    kube.writes.filter(
      ({ kind: written, after, before }) =>
        written === "Build" && isEnded(after as Build | undefined) && !isEnded(before as Build | undefined),
    );
  const isEnded = (object: Build | undefined): boolean =>
    ["True", "False"].includes(getCondition(object?.status, "Succeeded")?.status ?? "");
  const cancelledNow = (kube: FakeKube): KubeObject => {
    const [stored] = kube.objects(Build);
    return { ...stored, spec: { ...stored?.spec, Status: "BuildCancelled" } } as KubeObject;
  };
  const evictedNow = (kube: FakeKube): KubeObject => ({ ...kube.objects(Pod)[0], status: evicted }) as KubeObject;

  test("a name that a stranger has is left to him", async () => {
    const stranger = { ...madePod(build("other")), metadata: { name: "b-pod-000001", namespace: "default" } };
    const bench = await openBench([build("b"), serviceAccount(), stranger]);
    await bench.reconcile("b");
    await bench.reconcile("b");
    expect(podsOf(bench)).toEqual(["b-pod-000001", "b-pod-000002"]);
  });

  test("what the API server refuses ends the Build, what it cannot do now does not", async () => {
    for (const [error, reason] of [
      [new ForbiddenError("exceeded quota"), "BuildExecuteFailed"],
      [new Error("the server is down"), undefined],
    ] as const) {
      const bench = await openBench([build("b"), serviceAccount()]);
      bench.kube.intercept(({ verb }) => {
        if (verb === "create") throw error;
      });
      const run = bench.reconcile("b");
      if (reason === undefined) await expect(run).rejects.toThrow("down");
      else await run;
      expect(bench.statusOf("b")).toBe(reason);
    }
  });

  test("logs are kept before a Pod goes", async () => {
    const order: string[] = [];
    const drain = (pod: Pod): Promise<void> => {
      order.push(`drain ${pod.metadata.name ?? ""}`);
      return Promise.resolve();
    };
    const bench = await openBench([build("b", {}, started(), cancelled), storedPod(build("b"), inRun)], {
      logs: { drain },
    });
    bench.kube.intercept(({ verb, key }) => {
      if (verb === "delete") order.push(`delete ${key?.name ?? ""}`);
    });
    await bench.reconcile("b");
    expect(order).toEqual(["drain b-pod-000001", "delete b-pod-000001"]);
  });

  test.each<[string, Pod["status"], BuildSpec, string, number]>([
    ["ended well", { phase: "Succeeded" }, {}, "Succeeded", 0],
    ["failed", { phase: "Failed" }, {}, "PodFailed", 0],
    ["had not begun a step", notBegun, {}, "Pending", 1],
    ["was in a step", inRun, {}, "PodLost", 0],
    ["was in a step that may be repeated", inRun, { retries: 1 }, "Pending", 1],
  ])("a Pod that vanished and %s when last seen", async (...[, status, spec, reason, podCount]) => {
    const last = storedPod(build("b", spec), status);
    const bench = await openBench([build("b", spec, started()), serviceAccount()], { lastSeen: () => last });
    await bench.reconcile("b");
    expect(bench.statusOf("b")).toBe(reason);
    expect(podsOf(bench)).toHaveLength(podCount);
  });

  test("a Pod that the cache has not seen yet holds the group up", async () => {
    const older = member("b", 1, started(), finished("False", "BuildSuperseded"));
    const bench = await openBench([older, member("c", 2), serviceAccount(), storedPod(older, inRun)]);
    const stale = { get: () => undefined, list: () => [], byIndex: () => [] };
    const blind = await openBench([older, member("c", 2), serviceAccount(), storedPod(older, inRun)], { pods: stale });
    await blind.reconcile("c");
    expect(blind.statusOf("c")).toBe("Queued");
    await bench.close();
  });
});
