import { Configuration, Revision, Route } from "@kelvin/api/serving/v1";
import { Build } from "@kelvin/api/build/v1alpha1";
import type { ObjectKey } from "@kelvin/api";
import { keyText, type Informer } from "@kelvin/kube";
import {
  describeReconcile,
  fakeClock,
  ownedBySomeoneElse,
  withAnnotations,
  withConditions,
  withGeneration,
  withSpec,
  withStatus,
  type Change,
  type ReconcileRow,
} from "@kelvin/testkit";
import { configuration, ownedByNobody, revision, route } from "../../test/builders.ts";
import { indexRouteTargets } from "../routing-state/route-targets.ts";
import { revisionName } from "./resources/names.ts";
import { makeRevision } from "./resources/revision.ts";
import { reconcileConfiguration } from "./reconcile.ts";

const key = "default/hello";
const now = fakeClock().now();
const isReady = withConditions({ Ready: "True" });
const hasFailed = withConditions({ Ready: "False" });
const named = (name: string, image = "dev.local/hello") =>
  withSpec({ template: { metadata: { name }, spec: { containers: [{ image }] } } });
const at = (created: string, latestReady?: string) =>
  withStatus({
    latestCreatedRevisionName: created,
    ...(latestReady === undefined ? {} : { latestReadyRevisionName: latestReady }),
  });

const buildRef = "build.knative.dev/buildRef";
const image = (digit: string) => `registry.test/hello@sha256:${digit.repeat(64)}`;
const refersTo = (build: string, container?: string) =>
  withAnnotations({
    "serving.knative.dev/routes": "hello",
    [buildRef]: build,
    ...(container === undefined ? {} : { "build.knative.dev/buildContainer": container }),
  });
const builtFrom = (digit: string) =>
  ({ kind: "built", build: "b", image: image(digit), container: undefined }) as const;
const builtName = (digit: string, generation = 1): string =>
  revisionName(configuration("hello", withGeneration(generation)), builtFrom(digit));
/** A Revision of the first generation that was made with an image of Build b. */
const builtRevision = (digit: string, ...changes: Change<Revision>[]): Revision =>
  revision(
    "hello-00001",
    ({ metadata }) => {
      metadata.name = builtName(digit);
    },
    withAnnotations({ [buildRef]: "b", "build.knative.dev/image": image(digit) }),
    ...changes,
  );
const becameReady = (name: string): string[] => [
  "Normal ConfigurationReady: Configuration becomes ready",
  `Normal LatestReadyUpdate: LatestReadyRevisionName updated to "${name}"`,
];
const build = (...changes: Change<Build>[]): Build => {
  const made: Build = {
    apiVersion: "build.knative.dev/v1alpha1",
    kind: "Build",
    metadata: { name: "b", namespace: "default", uid: "build-1" },
    spec: {},
  };
  for (const change of changes) change(made);
  return made;
};
const succeeded = (digit: string): Change<Build> =>
  withStatus({ image: image(digit), conditions: [{ type: "Succeeded", status: "True" }] });

const findingBuilds = (builds: Informer<Build>) => ({ find: (build: ObjectKey) => builds.get(build) });

const rows: ReconcileRow[] = [
  {
    name: "a Build that has not ended holds up the first Revision",
    world: [configuration("hello", refersTo("b")), build()],
    key,
    wantStatus: { Ready: "Unknown/WaitingForBuild" },
  },
  {
    name: "a Build that is not there does so too",
    world: [configuration("hello", refersTo("b"))],
    key,
    wantStatus: { Ready: "Unknown/WaitingForBuild" },
  },
  {
    name: "a Build that succeeds stamps a Revision with its image, and the Service's spec stays as it was",
    world: [configuration("hello", refersTo("b")), build(succeeded("a"))],
    key,
    wantCreated: [makeRevision(configuration("hello", refersTo("b")), now, builtFrom("a"))],
    wantStatus: { Ready: "Unknown" },
    wantEvents: [`Normal Created: Created Revision "${builtName("a")}"`],
  },
  {
    name: "while the next Build of that name runs, the last Revision stays and becomes ready",
    world: [configuration("hello", refersTo("b"), at(builtName("a"))), builtRevision("a", isReady), build()],
    key,
    wantStatus: { Ready: "Unknown/WaitingForBuild" },
    wantStatusFields: { latestReadyRevisionName: builtName("a") },
    wantEvents: becameReady(builtName("a")),
  },
  {
    name: "a Build that fails says so, with the message of its step, and takes nothing away",
    world: [
      configuration("hello", refersTo("b"), at("hello-00001", "hello-00001")),
      revision("hello-00001", isReady),
      build(withStatus({ conditions: [{ type: "Succeeded", status: "False", message: 'step "test" exited with 1' }] })),
    ],
    key,
    wantStatus: { Ready: "False/BuildFailed" },
    wantStatusFields: { latestReadyRevisionName: "hello-00001" },
  },
  {
    name: "another image of a Build of that name makes another Revision of the same generation",
    world: [
      configuration("hello", refersTo("b"), at(builtName("a"))),
      builtRevision("a", isReady),
      build(succeeded("b")),
    ],
    key,
    wantCreated: [makeRevision(configuration("hello", refersTo("b")), now, builtFrom("b"))],
    wantStatus: { Ready: "Unknown" },
    wantEvents: [`Normal Created: Created Revision "${builtName("b")}"`, ...becameReady(builtName("a"))],
  },
  {
    name: "a Build that was deleted changes nothing",
    world: [configuration("hello", refersTo("b"), at(builtName("a"))), builtRevision("a", isReady)],
    key,
    wantStatus: { Ready: "True" },
    wantEvents: becameReady(builtName("a")),
  },
  {
    name: "and its image goes into the next generation",
    world: [
      configuration("hello", refersTo("b"), withGeneration(2), at("hello-00001", "hello-00001")),
      builtRevision("a", isReady),
    ],
    key,
    wantCreated: [makeRevision(configuration("hello", refersTo("b"), withGeneration(2)), now, builtFrom("a"))],
    wantStatus: { Ready: "Unknown" },
    wantEvents: [`Normal Created: Created Revision "${builtName("a", 2)}"`, ...becameReady(builtName("a")).slice(1)],
  },
  {
    name: "a new Configuration stamps its first Revision, born active for its Service's Route",
    world: [configuration("hello")],
    key,
    wantCreated: [makeRevision(configuration("hello"), now)],
    wantStatus: { Ready: "Unknown" },
    wantStatusFields: { latestCreatedRevisionName: "hello-00001", observedGeneration: 1 },
    wantEvents: ['Normal Created: Created Revision "hello-00001"'],
  },
  {
    name: "a Revision that becomes ready is the latest ready one",
    world: [configuration("hello", at("hello-00001")), revision("hello-00001", isReady)],
    key,
    wantStatus: { Ready: "True" },
    wantStatusFields: { latestReadyRevisionName: "hello-00001" },
    wantEvents: [
      "Normal ConfigurationReady: Configuration becomes ready",
      'Normal LatestReadyUpdate: LatestReadyRevisionName updated to "hello-00001"',
    ],
  },
  {
    name: "while a new Revision starts, the old one stays the latest ready",
    world: [
      configuration("hello", withGeneration(2), isReady, at("hello-00001", "hello-00001")),
      revision("hello-00001", isReady),
      revision("hello-00002"),
    ],
    key,
    wantStatus: { Ready: "Unknown" },
    wantStatusFields: { latestCreatedRevisionName: "hello-00002", latestReadyRevisionName: "hello-00001" },
  },
  {
    name: "a failed Revision fails the Configuration and takes nothing from the one before",
    world: [
      configuration("hello", withGeneration(2), at("hello-00002", "hello-00001")),
      revision("hello-00001", isReady),
      revision("hello-00002", hasFailed),
    ],
    key,
    wantStatus: { Ready: "False/RevisionFailed" },
    wantStatusFields: { latestReadyRevisionName: "hello-00001" },
    wantEvents: ['Warning LatestCreatedFailed: Latest created revision "hello-00002" has failed'],
  },
  {
    name: "a generation in between that became ready first is taken up",
    world: [
      configuration("hello", withGeneration(3), at("hello-00003", "hello-00001")),
      revision("hello-00001", isReady),
      revision("hello-00002", isReady),
      revision("hello-00003"),
    ],
    key,
    wantStatus: { Ready: "Unknown" },
    wantStatusFields: { latestReadyRevisionName: "hello-00002" },
    wantEvents: ['Normal LatestReadyUpdate: LatestReadyRevisionName updated to "hello-00002"'],
  },
  {
    name: "an older Revision never becomes the latest ready again by itself",
    world: [
      configuration("hello", withGeneration(3), at("hello-00003", "hello-00002")),
      revision("hello-00001", isReady),
      revision("hello-00002", hasFailed),
      revision("hello-00003"),
    ],
    key,
    wantStatus: { Ready: "Unknown" },
    wantStatusFields: { latestReadyRevisionName: "hello-00002" },
  },
  {
    name: "a Revision that the user names again moves both names back",
    world: [
      configuration("hello", named("hello-00001"), withGeneration(3), at("hello-00002", "hello-00002")),
      // It holds exactly what the template says now.
      revision("hello-00001", isReady, ({ spec }) => {
        for (const field of Object.keys(spec)) delete spec[field as keyof typeof spec];
        spec.containers = [{ image: "dev.local/hello" }];
      }),
      revision("hello-00002", isReady),
    ],
    key,
    wantStatus: { Ready: "True" },
    wantStatusFields: { latestCreatedRevisionName: "hello-00001", latestReadyRevisionName: "hello-00001" },
    wantEvents: ['Normal LatestReadyUpdate: LatestReadyRevisionName updated to "hello-00001"'],
  },
  {
    name: "a name taken by a stranger's Revision fails the Configuration",
    world: [configuration("hello", named("hello-v1")), revision("hello-v1", ownedBySomeoneElse)],
    key,
    wantStatus: { Ready: "False/RevisionFailed" },
  },
  {
    name: "a Configuration without Service is told which Routes use it",
    world: [
      configuration(
        "hello",
        ownedByNobody,
        withAnnotations({ "serving.knative.dev/routes": "old" }),
        at("hello-00001"),
      ),
      revision("hello-00001"),
      route("public", withSpec({ traffic: [{ configurationName: "hello", percent: 100 }] })),
    ],
    key,
    wantUpdated: [configuration("hello", ownedByNobody, withAnnotations({ "serving.knative.dev/routes": "public" }))],
    wantStatus: { Ready: "Unknown" },
  },
];

describeReconcile(
  {
    kind: Configuration,
    reconcile: reconcileConfiguration,
    makeDeps: (world, context) => ({
      ...context,
      builds: findingBuilds(world.informer(Build)),
      revisions: world.informer(Revision, {
        indexes: {
          configuration: ({ metadata: { namespace = "", labels = {} } }) => [
            keyText({ namespace, name: labels["serving.knative.dev/configuration"] ?? "" }),
          ],
        },
      }),
      routes: world.informer(Route, { indexes: { target: indexRouteTargets } }),
    }),
  },
  rows,
);
