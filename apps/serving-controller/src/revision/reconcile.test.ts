import { PodAutoscaler } from "@kelvin/api/autoscaling/v1alpha1";
import { parseServingConfig } from "@kelvin/api/serving/config";
import { Configuration, Revision, Route } from "@kelvin/api/serving/v1";
import { NotOwnedError, requeueAfter } from "@kelvin/controller";
import { Deployment, keyText, Pod } from "@kelvin/kube";
import {
  describeReconcile,
  ownedBySomeoneElse,
  pod,
  withAnnotations,
  withConditions,
  withLabels,
  withSpec,
  withStatus,
  type ReconcileRow,
} from "@kelvin/testkit";
import { configuration, revision, route } from "../../test/builders.ts";
import { indexRouteTargets } from "../routing-state/route-targets.ts";
import type { DigestState } from "./digest-pool.ts";
import { makeDeployment } from "./resources/deployment.ts";
import { decideReachability, makePodAutoscaler } from "./resources/pod-autoscaler.ts";
import { reconcileRevision } from "./reconcile.ts";
import { decideDeploymentSettings } from "./settings.ts";

const key = "default/hello-00001";
const settings = parseServingConfig();
const subject = revision("hello-00001");
const starting = {
  Active: "Unknown/Deploying",
  ContainerHealthy: "Unknown/Deploying",
  ResourcesAvailable: "Unknown/Deploying",
  Ready: "Unknown/Deploying",
};

const changed = <T extends object>(object: T, ...changes: ((object: T) => void)[]): T => {
  for (const change of changes) change(object);
  return object;
};
const deploymentOf = (owner: Revision, ...changes: ((object: Deployment) => void)[]) =>
  changed(makeDeployment(owner, decideDeploymentSettings(owner, settings)), ...changes);
const autoscalerOf = (owner: Revision, ...changes: ((object: PodAutoscaler) => void)[]) =>
  changed(
    makePodAutoscaler(owner, decideReachability(owner, false)),
    withStatus({ observedGeneration: 1 }),
    ...changes,
  );
const progressing = (more: object = {}) =>
  withStatus({ conditions: [{ type: "Progressing", status: "True" }], ...more });
const isActive = withConditions({ Active: "True", ScaleTargetInitialized: "True", Ready: "True" });
const isQueued = withConditions({
  Active: "Unknown/Queued",
  ScaleTargetInitialized: "Unknown",
  Ready: "Unknown/Queued",
});
const isIdle = withConditions({ Active: "False/NoTraffic", ScaleTargetInitialized: "True", Ready: "False/NoTraffic" });
const family = [configuration("hello", withStatus({ latestCreatedRevisionName: "hello-00001" })), route("hello")];

/** A pod of the Revision whose container is in this state. */
function podWith(state: object) {
  const containerStatuses = [
    { name: "user-container", image: "", imageID: "", ready: false, restartCount: 0, ...state },
  ];
  return pod(
    "hello-00001-a",
    withLabels({ "serving.knative.dev/revision": "hello-00001" }),
    withStatus({ containerStatuses }),
  );
}

const rows: ReconcileRow[] = [
  {
    name: "a new Revision gets a Deployment and a PodAutoscaler",
    world: [subject, ...family],
    key,
    wantCreated: [deploymentOf(subject), autoscalerOf(subject)],
    wantStatus: starting,
    wantStatusFields: { containerStatuses: [{ name: "user-container" }] },
  },
  {
    name: "it is ready once its initial scale has been reached",
    world: [
      subject,
      ...family,
      deploymentOf(subject, progressing({ readyReplicas: 1, availableReplicas: 1 })),
      autoscalerOf(subject, isActive, withStatus({ actualScale: 1, desiredScale: 1 })),
    ],
    key,
    wantStatus: { Active: "True", ContainerHealthy: "True", ResourcesAvailable: "True", Ready: "True" },
    wantStatusFields: { actualReplicas: 1, desiredReplicas: 1 },
    wantEvents: ["Normal RevisionReady: Revision becomes ready upon all resources being ready"],
  },
  {
    name: "it stays ready at zero",
    world: [
      revision(
        "hello-00001",
        withConditions({ Ready: "True", ContainerHealthy: "True", ResourcesAvailable: "True", Active: "True" }),
      ),
      ...family,
      deploymentOf(subject, progressing(), withSpec({ replicas: 0 })),
      autoscalerOf(subject, isIdle, withStatus({ actualScale: 0, desiredScale: 0 })),
    ],
    key,
    wantStatus: { Active: "False/NoTraffic", ContainerHealthy: "True", ResourcesAvailable: "True", Ready: "True" },
    wantStatusFields: { actualReplicas: 0, desiredReplicas: 0 },
  },
  {
    name: "replicas are the autoscaler's: they stay when the pods change",
    world: [
      subject,
      ...family,
      deploymentOf(
        subject,
        progressing(),
        withSpec({ replicas: 7 }),
        withLabels({ "serving.knative.dev/deployment-hash": "old", foreign: "x" }),
      ),
      autoscalerOf(subject, isQueued),
    ],
    key,
    wantUpdated: [deploymentOf(subject, withSpec({ replicas: 7 }), withLabels({ foreign: "x" }))],
    wantStatus: { ...starting, Active: "Unknown/Queued", ContainerHealthy: "Unknown" },
  },
  {
    name: "an image that cannot be pulled is told at once",
    world: [
      subject,
      ...family,
      deploymentOf(subject, progressing()),
      autoscalerOf(subject, isQueued),
      podWith({ state: { waiting: { reason: "ErrImagePull", message: "dev.local/none: no such directory" } } }),
    ],
    key,
    wantStatus: {
      Active: "Unknown/Queued",
      ContainerHealthy: "Unknown",
      ResourcesAvailable: "False/ErrImagePull",
      Ready: "False/ErrImagePull",
    },
  },
  {
    name: "a container that exits is told with its code and last words",
    world: [
      subject,
      ...family,
      deploymentOf(subject, progressing()),
      autoscalerOf(subject, isQueued),
      podWith({
        state: { waiting: { reason: "CrashLoopBackOff" } },
        lastState: { terminated: { exitCode: 3, message: "boom" } },
      }),
    ],
    key,
    wantStatus: {
      Active: "Unknown/Queued",
      ContainerHealthy: "False/ExitCode3",
      ResourcesAvailable: "Unknown/Deploying",
      Ready: "False/ExitCode3",
    },
  },
  {
    name: "a crash after it has run once takes nothing from its readiness",
    world: [
      subject,
      ...family,
      deploymentOf(subject, progressing()),
      autoscalerOf(
        subject,
        withConditions({ Active: "Unknown/Queued", ScaleTargetInitialized: "True", Ready: "Unknown/Queued" }),
      ),
      podWith({ lastState: { terminated: { exitCode: 137 } } }),
    ],
    key,
    wantStatus: { Active: "Unknown/Queued", ContainerHealthy: "True", ResourcesAvailable: "True", Ready: "True" },
    wantEvents: ["Normal RevisionReady: Revision becomes ready upon all resources being ready"],
  },
  {
    name: "one that never listens fails with its deadline, and is not worth a minimum of pods",
    world: [
      subject,
      ...family,
      deploymentOf(
        subject,
        withStatus({
          conditions: [
            { type: "Progressing", status: "False", reason: "ProgressDeadlineExceeded", message: "too slow" },
          ],
        }),
      ),
      autoscalerOf(subject, isQueued),
    ],
    key,
    wantUpdated: [autoscalerOf(subject, withSpec({ reachability: "Unreachable" }))],
    wantStatus: {
      Active: "Unknown/Queued",
      ContainerHealthy: "Unknown",
      ResourcesAvailable: "False/ProgressDeadlineExceeded",
      Ready: "False/ProgressDeadlineExceeded",
    },
  },
  {
    name: "a quota that forbids its pods is told",
    world: [
      subject,
      ...family,
      deploymentOf(
        subject,
        withStatus({
          conditions: [{ type: "ReplicaFailure", status: "True", reason: "FailedCreate", message: "exceeded quota" }],
        }),
      ),
      autoscalerOf(subject, isQueued),
    ],
    key,
    wantStatus: {
      Active: "Unknown/Queued",
      ContainerHealthy: "Unknown",
      ResourcesAvailable: "False/FailedCreate",
      Ready: "False/FailedCreate",
    },
  },
  {
    name: "a Deployment of another owner is left alone and the Revision says so",
    world: [subject, ...family, deploymentOf(subject, ownedBySomeoneElse)],
    key,
    wantStatus: {
      ContainerHealthy: "Unknown",
      ResourcesAvailable: "False/NotOwned",
      Ready: "False/NotOwned",
    },
    wantError: NotOwnedError,
  },
  {
    name: "scaling annotations on the live Revision flow to the PodAutoscaler, and away again",
    world: [
      revision("hello-00001", withAnnotations({ "autoscaling.knative.dev/max-scale": "5" })),
      ...family,
      deploymentOf(subject, progressing()),
      autoscalerOf(
        subject,
        isQueued,
        withAnnotations({
          "autoscaling.knative.dev/min-scale": "2",
          "autoscaling.knative.dev/class": "kpa.autoscaling.knative.dev",
        }),
      ),
    ],
    key,
    wantUpdated: [
      autoscalerOf(
        subject,
        withAnnotations({
          "autoscaling.knative.dev/class": "kpa.autoscaling.knative.dev",
          "autoscaling.knative.dev/max-scale": "5",
        }),
      ),
    ],
    wantStatus: { ...starting, Active: "Unknown/Queued", ContainerHealthy: "Unknown" },
  },
];

const images = withSpec({ containers: [{ name: "user-container", image: "ghcr.io/a/hello" }] });
const fromRegistry = revision("hello-00001", images);
const resolved = changed(
  revision("hello-00001", images),
  withStatus({ containerStatuses: [{ name: "user-container", imageDigest: "ghcr.io/a/hello@sha256:1" }] }),
);

const digestRows: ReconcileRow[] = [
  {
    name: "while its digests are looked up nothing is made",
    world: [
      revision("hello-00001", withSpec({ containers: [{ name: "user-container", image: "pending.io/a" }] })),
      ...family,
    ],
    key,
    wantStatus: {
      ContainerHealthy: "Unknown",
      ResourcesAvailable: "Unknown/ResolvingDigests",
      Ready: "Unknown/ResolvingDigests",
    },
  },
  {
    name: "its pods run the digest that was found",
    world: [fromRegistry, ...family],
    key,
    wantCreated: [deploymentOf(resolved), autoscalerOf(fromRegistry)],
    wantStatus: starting,
    wantStatusFields: { containerStatuses: [{ name: "user-container", imageDigest: "ghcr.io/a/hello@sha256:1" }] },
  },
  {
    name: "an image that cannot be resolved fails it, and is tried again",
    world: [
      revision("hello-00001", withSpec({ containers: [{ name: "user-container", image: "failing.io/a" }] })),
      ...family,
    ],
    key,
    wantOutcome: requeueAfter(1000),
    wantStatus: {
      ContainerHealthy: "False/ContainerMissing",
      ResourcesAvailable: "Unknown",
      Ready: "False/ContainerMissing",
    },
  },
];

const digestStates: Readonly<Record<string, DigestState>> = {
  "ghcr.io/a/hello": { state: "resolved", digests: new Map([["ghcr.io/a/hello", "ghcr.io/a/hello@sha256:1"]]) },
  "failing.io/a": { state: "failed", image: "failing.io/a", message: "NAME_UNKNOWN", retryAfterMs: 1000 },
};

describeReconcile(
  {
    kind: Revision,
    reconcile: reconcileRevision,
    makeDeps: (world, context) => ({
      ...context,
      routes: world.informer(Route, { indexes: { target: indexRouteTargets } }),
      configurations: world.informer(Configuration),
      deployments: world.informer(Deployment),
      podAutoscalers: world.informer(PodAutoscaler),
      pods: world.informer(Pod, {
        indexes: {
          revision: ({ metadata: { namespace = "", labels = {} } }) => [
            keyText({ namespace, name: labels["serving.knative.dev/revision"] ?? "" }),
          ],
        },
      }),
      digests: {
        ask: ({ images: [image = ""] }) => digestStates[image] ?? { state: "pending" },
        forget: () => undefined,
        close: () => Promise.resolve(),
      },
      settings,
    }),
  },
  [...rows, ...digestRows],
);
