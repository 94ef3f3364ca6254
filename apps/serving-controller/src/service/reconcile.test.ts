import { Configuration, Revision, Route, Service } from "@kelvin/api/serving/v1";
import { parseServingConfig } from "@kelvin/api/serving/config";
import { NotOwnedError } from "@kelvin/controller";
import {
  describeReconcile,
  ownedBySomeoneElse,
  withAnnotations,
  withConditions,
  withGeneration,
  withLabels,
  withSpec,
  withStatus,
  type ReconcileRow,
} from "@kelvin/testkit";
import { configuration, revision, route, service } from "../../test/builders.ts";
import { makeDefaulting } from "../defaulting.ts";
import { makeConfiguration } from "./resources/configuration.ts";
import { makeRoute } from "./resources/route.ts";
import { reconcileService } from "./reconcile.ts";

const key = "default/hello";
const isReady = withConditions({ Ready: "True" });
const readyConfiguration = configuration(
  "hello",
  isReady,
  withStatus({ latestCreatedRevisionName: "hello-00001", latestReadyRevisionName: "hello-00001" }),
);
const serving = { revisionName: "hello-00001", percent: 100, latestRevision: true };
const readyRoute = route("hello", isReady, withStatus({ url: "http://hello", traffic: [serving] }));
const named = withSpec({ template: { metadata: { name: "hello-v1" }, spec: { containers: [{ image: "a" }] } } });

const rows: ReconcileRow[] = [
  {
    name: "a new Service creates its children and is not ready yet",
    world: [service("hello")],
    key,
    wantCreated: [makeConfiguration(service("hello")), makeRoute(service("hello"))],
    wantStatus: {
      ConfigurationsReady: "Unknown/OutOfDate",
      RoutesReady: "Unknown/OutOfDate",
      Ready: "Unknown/OutOfDate",
    },
    wantEvents: ['Normal Created: Created Configuration "hello"', 'Normal Created: Created Route "hello"'],
  },
  {
    name: "ready children make it ready, and it repeats what they report",
    world: [service("hello"), readyConfiguration, readyRoute],
    key,
    wantStatus: { ConfigurationsReady: "True", RoutesReady: "True", Ready: "True" },
    wantStatusFields: {
      observedGeneration: 1,
      url: "http://hello",
      latestCreatedRevisionName: "hello-00001",
      latestReadyRevisionName: "hello-00001",
      traffic: [serving],
    },
  },
  {
    name: "a Configuration of another owner is left alone and the Service says so",
    world: [service("hello"), configuration("hello", ownedBySomeoneElse)],
    key,
    wantStatus: { ConfigurationsReady: "False/NotOwned", RoutesReady: "Unknown", Ready: "False/NotOwned" },
    wantError: NotOwnedError,
  },
  {
    name: "a Route of another owner is left alone and the Service says so",
    world: [service("hello"), readyConfiguration, route("hello", ownedBySomeoneElse)],
    key,
    wantStatus: { ConfigurationsReady: "True", RoutesReady: "False/NotOwned", Ready: "False/NotOwned" },
    wantError: NotOwnedError,
  },
  {
    name: "what a user changed in the children by hand is put back, but other Routes of the Configuration stay named",
    world: [
      service("hello"),
      configuration(
        "hello",
        withAnnotations({ "serving.knative.dev/routes": "another,hello", extra: "x" }),
        withSpec({ template: { spec: { containers: [{ image: "changed" }] } } }),
      ),
      route("hello", withLabels({ extra: "x" })),
    ],
    key,
    wantUpdated: [makeConfiguration(service("hello"), ["another"]), makeRoute(service("hello"))],
    // Both have to be observed again before they count.
    wantStatus: {
      ConfigurationsReady: "Unknown/OutOfDate",
      RoutesReady: "Unknown/OutOfDate",
      Ready: "Unknown/OutOfDate",
    },
  },
  {
    name: "a ready Route that still serves the previous Revision keeps the Service from being ready",
    world: [
      service("hello"),
      configuration("hello", isReady, withStatus({ latestReadyRevisionName: "hello-00002" })),
      readyRoute,
    ],
    key,
    wantStatus: {
      ConfigurationsReady: "True",
      RoutesReady: "Unknown/TrafficNotMigrated",
      Ready: "Unknown/TrafficNotMigrated",
    },
  },
  {
    name: "reasons of the children are repeated to the letter",
    world: [
      service("hello"),
      configuration("hello", withConditions({ Ready: "False/RevisionFailed" })),
      route("hello", withConditions({ Ready: "False/RevisionMissing" })),
    ],
    key,
    wantStatus: {
      ConfigurationsReady: "False/RevisionFailed",
      RoutesReady: "False/RevisionMissing",
      Ready: "False/RevisionMissing",
    },
  },
  {
    name: "with a Revision name of the user's, the Route waits for the Configuration",
    world: [
      service("hello", named),
      configuration("hello", named, withGeneration(2), withStatus({ observedGeneration: 1 })),
    ],
    key,
    wantStatus: { ConfigurationsReady: "Unknown/OutOfDate", RoutesReady: "Unknown", Ready: "Unknown/OutOfDate" },
  },
  {
    name: "a Revision name that stands for something else is not migrated to",
    world: [service("hello", named), configuration("hello", named, isReady), revision("hello-v1", ownedBySomeoneElse)],
    key,
    wantStatus: {
      ConfigurationsReady: "True",
      RoutesReady: "False/RevisionNameTaken",
      Ready: "False/RevisionNameTaken",
    },
  },
];

describeReconcile(
  {
    kind: Service,
    reconcile: reconcileService,
    makeDeps: (world, context) => ({
      ...context,
      defaulting: makeDefaulting(() => parseServingConfig()),
      configurations: world.informer(Configuration),
      routes: world.informer(Route),
      revisions: world.informer(Revision),
    }),
  },
  rows,
);
