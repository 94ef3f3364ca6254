import { batchConditionSet, statusProperties } from "../../meta/conditions.ts";
import type { CustomKind } from "../../meta/custom-kind.ts";
import type { KubeObject } from "../../meta/object-meta.ts";
import { described, MapOf, Preserved, StringEnum, Type, type Static } from "../../meta/schema.ts";
import { buildGroup } from "./labels.ts";
import { progressProperties, Source, sourceKinds } from "./source.types.ts";
import { BuildVolume, Step, StepEnvVar } from "./step.types.ts";

const text = (description: string) => Type.Optional(Type.String({ description }));
const int32 = (description: string, bounds: { minimum?: number; maximum?: number } = {}) =>
  Type.Optional(Type.Integer({ format: "int32", ...bounds, description }));
const time = (description: string) => Type.Optional(Type.String({ format: "date-time", description }));

/** The value of one parameter. */
export const ArgumentSpec = Type.Object({
  name: Type.String({ description: "Name of the parameter." }),
  value: Type.Optional(Type.String({ description: "What ${NAME} is replaced by." })),
});
export type ArgumentSpec = Static<typeof ArgumentSpec>;

/** Which template to use, and with what. */
export const TemplateInstantiation = Type.Object({
  name: text("Name of the template."),
  kind: text("BuildTemplate (the default), in the same namespace, or ClusterBuildTemplate."),
  arguments: Type.Optional(Type.Array(ArgumentSpec, { description: "Values of the template's parameters." })),
  env: Type.Optional(
    Type.Array(StepEnvVar, { description: "Variables for every step, in place of the template's of the same name." }),
  ),
});
export type TemplateInstantiation = Static<typeof TemplateInstantiation>;

const Concurrency = Type.Object({
  group: Type.String({
    minLength: 1,
    maxLength: 253,
    description: "Builds of one namespace and group run one at a time.",
  }),
  policy: Type.Optional(
    StringEnum(["Supersede", "Queue"], {
      description: "Supersede (the default): a newer Build cancels the older ones. Queue: all run, oldest first.",
    }),
  ),
});

const HistoryLimits = Type.Object({
  successful: int32("How many Builds of the group that succeeded are kept.", { minimum: 0 }),
  failed: int32("How many Builds of the group that did not succeed are kept.", { minimum: 0 }),
});

/** What is wanted of a Build. */
export const BuildSpec = Type.Object({
  generation: Type.Optional(Type.Integer({ format: "int64", description: "Ignored: metadata.generation counts." })),
  source: Type.Optional(described(Source, "Where the files in /workspace come from. Not together with sources.")),
  sources: Type.Optional(Type.Array(Source, { description: "Several of them, fetched in this order." })),
  steps: Type.Optional(
    Type.Array(Step, { description: "What to run, in this order, each to its end. Not together with template." }),
  ),
  volumes: Type.Optional(Type.Array(BuildVolume, { description: "Volumes that steps may mount." })),
  serviceAccountName: text("The ServiceAccount whose Secrets are the credentials. Default: default."),
  template: Type.Optional(described(TemplateInstantiation, "The template that says the steps.")),
  nodeSelector: Type.Optional(MapOf(Type.String(), { description: "Labels of the nodes that may run it." })),
  timeout: text("How long it may take from its start, such as 20m. Default 10m; at most 24h."),
  affinity: Type.Optional(Preserved({ description: "Which nodes it prefers, as in a Pod." })),
  Status: text("BuildCancelled ends it. Spelled with a capital S since v0.1."),
  status: text("The same as Status, which is what is stored."),
  image: text("The image that it pushes. Results that name another repository do not count."),
  retries: int32("How often it starts over after its Pod was lost with steps already begun. Default 0.", {
    minimum: 0,
    maximum: 10,
  }),
  ttlSecondsAfterFinished: int32("It is deleted this long after its end. Default: never.", { minimum: 0 }),
  concurrency: Type.Optional(described(Concurrency, "Which Builds must not run at the same time.")),
  historyLimits: Type.Optional(described(HistoryLimits, "How many finished Builds of the concurrency group are kept.")),
});
export type BuildSpec = Static<typeof BuildSpec>;

/** How a step stands. */
export const StepStatus = Type.Object({
  name: Type.String({ description: "The step's name, or unnamed-<index>." }),
  ...progressProperties,
  cache: text("hit, miss or skipped, when the step has a cache."),
  cacheReason: text("Why that was so."),
});
export type StepStatus = Static<typeof StepStatus>;

/** How a source stands, and what was fetched. */
export const SourceStatus = Type.Object({
  name: Type.String({ description: "The source's name, or its index." }),
  kind: Type.Optional(StringEnum(sourceKinds, { description: "What kind of source it is." })),
  ...progressProperties,
  commit: text("The full commit that was fetched."),
  digest: text("The digest of what was fetched."),
  size: Type.Optional(Type.Integer({ format: "int64", description: "Bytes that were fetched." })),
});
export type SourceStatus = Static<typeof SourceStatus>;

/** One fact that the build found out. */
export const BuildResult = Type.Object({
  name: Type.String({ description: "Such as digest." }),
  value: Type.String({ description: "What it is." }),
  step: text("The step that says so."),
});
export type BuildResult = Static<typeof BuildResult>;

/** One Pod of the Build. */
export const BuildAttempt = Type.Object({
  podName: Type.String({ description: "Name of its Pod." }),
  podUID: text("UID of its Pod, once that is known to exist."),
  startedAt: time("When the attempt began."),
  stepsStarted: Type.Optional(
    Type.Boolean({ description: "Whether a step has begun, so that a repeat would run it twice." }),
  ),
  reason: text("Why the attempt was given up, when it was."),
  message: text("The details of that."),
});
export type BuildAttempt = Static<typeof BuildAttempt>;

/** What is observed of a Build. */
export const BuildStatus = Type.Object({
  ...statusProperties,
  builder: text("Cluster."),
  cluster: Type.Optional(
    Type.Object(
      { namespace: text("Where the Pod is."), podName: text("Its name; empty when none was ever made.") },
      { description: "The Pod that runs the steps." },
    ),
  ),
  startTime: time("When it started."),
  completionTime: time("When it ended, well or badly."),
  stepStates: Type.Optional(Type.Array(Preserved(), { description: "The container state of each step, as in a Pod." })),
  stepsCompleted: Type.Optional(Type.Array(Type.String(), { description: "Containers of the steps that have ended." })),
  steps: Type.Optional(Type.Array(StepStatus, { description: "How each step stands." })),
  sources: Type.Optional(Type.Array(SourceStatus, { description: "How each source stands, and what was fetched." })),
  results: Type.Optional(Type.Array(BuildResult, { description: "What the steps found out." })),
  image: text("What was pushed: repository@digest."),
  attempts: Type.Optional(Type.Array(BuildAttempt, { description: "The Pods it had, the present one last." })),
});
export type BuildStatus = Static<typeof BuildStatus>;

/** From source to an image: sources, steps and credentials, run once in one Pod. */
export interface Build extends KubeObject {
  spec: BuildSpec;
  status?: BuildStatus;
}

/** The Build kind. */
export const Build: CustomKind<Build> = {
  group: buildGroup,
  version: "v1alpha1",
  kind: "Build",
  plural: "builds",
  singular: "build",
  namespaced: true,
  shortNames: [],
  categories: ["all", "knative"],
  description:
    "Build fetches sources, runs steps in order in one Pod, and ends. It is run once; to run it again, make another. " +
    "Its credentials are the Secrets of its ServiceAccount.",
  spec: BuildSpec,
  status: BuildStatus,
  printerColumns: [
    { name: "Succeeded", type: "string", jsonPath: ".status.conditions[?(@.type=='Succeeded')].status" },
    { name: "Reason", type: "string", jsonPath: ".status.conditions[?(@.type=='Succeeded')].reason" },
    { name: "StartTime", type: "date", jsonPath: ".status.startTime" },
    { name: "CompletionTime", type: "date", jsonPath: ".status.completionTime" },
  ],
  labels: { "knative.dev/crd-install": "true", "app.kubernetes.io/name": "knative-build" },
  conditions: batchConditionSet([]),
};
