import { expect, test } from "@jest/globals";
import { withAnnotations } from "@kelvin/testkit";
import { route } from "../../../test/builders.ts";
import { makeIngress } from "./ingress.ts";

const target = (revisionName: string, percent: number) => ({ revisionName, percent, latestRevision: false });
const group = (tag: string, name: string, publicHost?: string) => ({
  tag,
  serviceName: name,
  localHosts: [`${name}.default`],
  url: "",
  ...(publicHost === undefined ? {} : { publicHost }),
});

test("an Ingress has a rule inside and one outside for each name, and splits that name revisions", () => {
  const targets = [target("hello-00001", 90), target("hello-00002", 10), target("hello-00003", 0)];
  const ingress = makeIngress(
    route("hello", withAnnotations({ "kubectl.kubernetes.io/last-applied-configuration": "{}", a: "b" })),
    {
      traffic: {
        targets,
        groups: new Map([
          ["", targets],
          ["canary", [target("hello-00002", 100)]],
        ]),
      },
      hosts: [group("canary", "canary-hello"), group("", "hello", "hello.default.example.com")],
      ingressClass: "kelvin",
    },
  );
  const splits = [
    {
      serviceNamespace: "default",
      serviceName: "hello-00001",
      servicePort: 80,
      percent: 90,
      appendHeaders: { "Knative-Serving-Revision": "hello-00001", "Knative-Serving-Namespace": "default" },
    },
    expect.objectContaining({ serviceName: "hello-00002", percent: 10 }),
  ];
  expect(ingress.spec.rules).toEqual([
    { hosts: ["hello.default"], visibility: "ClusterLocal", http: { paths: [{ splits }] } },
    { hosts: ["hello.default.example.com"], visibility: "ExternalIP", http: { paths: [{ splits }] } },
    {
      hosts: ["canary-hello.default"],
      visibility: "ClusterLocal",
      http: { paths: [{ splits: [expect.objectContaining({ serviceName: "hello-00002", percent: 100 })] }] },
    },
  ]);
  expect(ingress.metadata).toMatchObject({
    name: "hello",
    labels: {
      "serving.knative.dev/route": "hello",
      "serving.knative.dev/routeNamespace": "default",
      "serving.knative.dev/service": "hello",
    },
    annotations: { a: "b", "networking.knative.dev/ingress.class": "kelvin" },
    ownerReferences: [{ kind: "Route", name: "hello", controller: true, blockOwnerDeletion: true }],
  });
  expect(ingress.metadata.annotations).not.toHaveProperty(["kubectl.kubernetes.io/last-applied-configuration"]);
});
