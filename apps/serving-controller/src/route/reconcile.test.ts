import { parseServingConfig } from "@kelvin/api/serving/config";
import { Ingress } from "@kelvin/api/networking/v1alpha1";
import { Configuration, Revision, Route } from "@kelvin/api/serving/v1";
import { NotOwnedError } from "@kelvin/controller";
import { CoreService, keyText } from "@kelvin/kube";
import {
  coreService,
  describeReconcile,
  ownedBy,
  ownedBySomeoneElse,
  withConditions,
  withGeneration,
  withLabels,
  withSpec,
  withStatus,
  type ReconcileRow,
} from "@kelvin/testkit";
import { configuration, revision, route } from "../../test/builders.ts";
import { makeGroupHosts } from "./hosts.ts";
import { makeNameSettings } from "./name-settings.ts";
import { makeIngress } from "./resources/ingress.ts";
import { makePlaceholderService } from "./resources/placeholder-service.ts";
import { reconcileRoute } from "./reconcile.ts";

const key = "default/hello";
const gatewayHost = "activator.knative-serving.svc.cluster.local";
const settings = parseServingConfig({
  "config-domain": { localhost: "" },
  "config-network": { "kelvin.dev/external-port": "8080" },
});
const isReady = withConditions({ Ready: "True" });

const hosts = (subject: Route, tag = "") =>
  makeGroupHosts(subject, tag, { settings: makeNameSettings(settings), localTags: new Set() });
const toLatest = (revisionName: string) => ({ revisionName, percent: 100, latestRevision: true });
const ingressTo = (revisionName: string, subject = route("hello")) =>
  makeIngress(subject, {
    traffic: { targets: [], groups: new Map([["", [toLatest(revisionName)]]]) },
    hosts: [hosts(subject)],
    ingressClass: settings.network.ingressClass,
  });
const placeholder = (subject = route("hello"), tag = "") =>
  makePlaceholderService(subject, hosts(subject, tag), gatewayHost);
const changed = <T extends object>(object: T, ...changes: ((object: T) => void)[]): T => {
  for (const change of changes) change(object);
  return object;
};
const servable = [
  configuration("hello", isReady, withStatus({ latestReadyRevisionName: "hello-00001" })),
  revision("hello-00001", isReady),
];
const applied = changed(ingressTo("hello-00001"), withGeneration(1), isReady);
const tagged = route("hello", withSpec({ traffic: [{ revisionName: "hello-00001", percent: 100, tag: "v1" }] }));

const rows: ReconcileRow[] = [
  {
    name: "before a Revision is ready, only the URL is known",
    world: [route("hello"), configuration("hello")],
    key,
    wantStatus: {
      AllTrafficAssigned: "Unknown/RevisionMissing",
      CertificateProvisioned: "Unknown",
      IngressReady: "Unknown",
      Ready: "Unknown/RevisionMissing",
    },
    wantStatusFields: { url: "http://hello.default.localhost:8080" },
  },
  {
    name: "with a ready Revision, the rules and the in-cluster name are made",
    world: [route("hello"), ...servable],
    key,
    wantCreated: [placeholder(), ingressTo("hello-00001")],
    wantStatus: {
      AllTrafficAssigned: "True",
      CertificateProvisioned: "True/TLSNotEnabled",
      IngressReady: "Unknown/IngressNotConfigured",
      Ready: "Unknown/IngressNotConfigured",
    },
    wantStatusFields: {
      traffic: [toLatest("hello-00001")],
      address: { url: "http://hello.default.svc.cluster.local" },
    },
    wantEvents: ['Normal Created: Created placeholder service "hello"', 'Normal Created: Created Ingress "hello"'],
  },
  {
    name: "once the data plane serves the rules, the Route is ready",
    world: [route("hello"), ...servable, placeholder(), applied],
    key,
    wantStatus: {
      AllTrafficAssigned: "True",
      CertificateProvisioned: "True/TLSNotEnabled",
      IngressReady: "True",
      Ready: "True",
    },
  },
  {
    name: "a new latest Revision changes the rules, and the Route is not ready until they are served",
    world: [
      route("hello", isReady),
      configuration("hello", isReady, withStatus({ latestReadyRevisionName: "hello-00002" })),
      revision("hello-00002", isReady),
      placeholder(),
      applied,
    ],
    key,
    wantUpdated: [changed(ingressTo("hello-00002"))],
    wantStatus: {
      AllTrafficAssigned: "True",
      CertificateProvisioned: "True/TLSNotEnabled",
      IngressReady: "Unknown/IngressNotConfigured",
      Ready: "Unknown/IngressNotConfigured",
    },
    wantStatusFields: { traffic: [toLatest("hello-00002")] },
  },
  {
    name: "a target that does not exist leaves the rules as they are",
    world: [
      route(
        "hello",
        withSpec({ traffic: [{ revisionName: "hello-00009", percent: 100 }] }),
        withStatus({ traffic: [toLatest("hello-00001")] }),
      ),
      ...servable,
      placeholder(),
      applied,
    ],
    key,
    wantStatus: {
      AllTrafficAssigned: "False/RevisionMissing",
      CertificateProvisioned: "Unknown",
      IngressReady: "Unknown",
      Ready: "False/RevisionMissing",
    },
    wantStatusFields: { traffic: [toLatest("hello-00001")] },
  },
  {
    name: "a Service of somebody else under the Route's name is left alone and the Route says so",
    world: [route("hello"), ...servable, coreService("hello", ownedBySomeoneElse)],
    key,
    wantStatus: {
      AllTrafficAssigned: "True",
      CertificateProvisioned: "Unknown",
      IngressReady: "False/NotOwned",
      Ready: "False/NotOwned",
    },
    wantError: NotOwnedError,
  },
  {
    name: "the placeholder of a tag that is gone is removed",
    world: [route("hello"), ...servable, placeholder(), placeholder(tagged, "v1"), applied],
    key,
    wantDeleted: ["Service default/v1-hello"],
    wantStatus: {
      AllTrafficAssigned: "True",
      CertificateProvisioned: "True/TLSNotEnabled",
      IngressReady: "True",
      Ready: "True",
    },
  },
  {
    name: "a tag whose placeholder a user has labelled cluster-local has no public name",
    world: [
      tagged,
      ...servable,
      placeholder(tagged),
      changed(placeholder(tagged, "v1"), withLabels({ "networking.knative.dev/visibility": "cluster-local" })),
      changed(
        makeIngress(tagged, {
          traffic: {
            targets: [],
            groups: new Map([
              ["", [toLatest("hello-00001")]],
              ["v1", [toLatest("hello-00001")]],
            ]),
          },
          hosts: [hosts(tagged), { ...hosts(tagged, "v1"), publicHost: undefined } as never],
          ingressClass: settings.network.ingressClass,
        }),
        withGeneration(1),
        isReady,
      ),
    ],
    key,
    wantStatus: {
      AllTrafficAssigned: "True",
      CertificateProvisioned: "True/TLSNotEnabled",
      IngressReady: "True",
      Ready: "True",
    },
    wantStatusFields: { traffic: [{ tag: "v1", url: "http://v1-hello.default.svc.cluster.local" }] },
  },
  {
    name: "a name that makes no legal host is an error of the configuration",
    world: [
      route(
        "h".repeat(63),
        ownedBy(route("x")),
        withSpec({ traffic: [{ configurationName: "hello", percent: 100, tag: "v1" }] }),
      ),
      ...servable,
    ],
    key: `default/${"h".repeat(63)}`,
    wantStatus: {
      AllTrafficAssigned: "False/ErrorConfig",
      CertificateProvisioned: "Unknown",
      IngressReady: "Unknown",
      Ready: "False/ErrorConfig",
    },
  },
];

describeReconcile(
  {
    kind: Route,
    reconcile: reconcileRoute,
    makeDeps: (world, context) => ({
      ...context,
      configurations: world.informer(Configuration),
      revisions: world.informer(Revision),
      ingresses: world.informer(Ingress),
      services: world.informer(CoreService, {
        labelSelector: "serving.knative.dev/route",
        indexes: {
          route: ({ metadata: { namespace = "", labels = {} } }) => [
            keyText({ namespace, name: labels["serving.knative.dev/route"] ?? "" }),
          ],
        },
      }),
      settings,
      gatewayHost,
    }),
  },
  rows,
);
