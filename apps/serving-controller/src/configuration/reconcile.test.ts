import { Configuration, Revision, Route } from "@kelvin/api/serving/v1";
import { keyText } from "@kelvin/kube";
import {
  describeReconcile,
  fakeClock,
  ownedBySomeoneElse,
  withAnnotations,
  withConditions,
  withGeneration,
  withSpec,
  withStatus,
  type ReconcileRow,
} from "@kelvin/testkit";
import { configuration, ownedByNobody, revision, route } from "../../test/builders.ts";
import { indexRouteTargets } from "../routing-state/route-targets.ts";
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

const rows: ReconcileRow[] = [
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
