import { expect, test } from "@jest/globals";
import { CoreService, Deployment, type KubeObject } from "@kelvin/kube";
import { fakeClock, openFakeKube } from "@kelvin/testkit";
import { ClusterBus } from "./cluster-bus.ts";
import { removeBusesOfFormerVersion, removeOtherBuses } from "./former-buses.ts";

const namespace = "knative-eventing";
const compare = (one: string, other: string): number => one.localeCompare(other);
const ours = { labels: { "app.kubernetes.io/part-of": "kelvin" } };
const clusterBus = (name: string, metadata: object): KubeObject => ({
  apiVersion: "channels.knative.dev/v1alpha1",
  kind: "ClusterBus",
  metadata: { name, ...metadata },
});
const deployment = (name: string, metadata: object): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { namespace, name: `${name}-clusterbus-dispatcher`, ...metadata },
});
const owner = { apiVersion: "channels.knative.dev/v1alpha1", kind: "ClusterBus", name: "kafka", uid: "1" };

const service = (name: string, metadata: object): KubeObject => ({
  apiVersion: "v1",
  kind: "Service",
  metadata: { namespace, name: `${name}-clusterbus`, ...metadata },
});
const { signal } = new AbortController();
const namesOf = (objects: readonly KubeObject[]): string[] =>
  objects.map(({ metadata }) => metadata.name ?? "").toSorted(compare);

test("a bus that was chosen before and is not now goes; what users made, and the one in memory, stay", async () => {
  const objects = [...["stub", "nats", "gcppubsub"].map((name) => clusterBus(name, ours)), clusterBus("kafka", {})];
  const kube = openFakeKube({ clock: fakeClock(), objects });
  await removeOtherBuses(kube, ["gcppubsub", "nats"], signal);
  expect(kube.objects(ClusterBus)).toHaveLength(4);
  await removeOtherBuses(kube, ["stub"], signal);
  expect(namesOf(kube.objects(ClusterBus))).toEqual(["kafka", "stub"]);
  await removeOtherBuses(kube, ["stub"], signal);
});

test("what buses were before they were ClusterBuses goes; what is owned, or a user's, stays", async () => {
  const kube = openFakeKube({
    clock: fakeClock(),
    objects: [
      ...["stub", "nats"].flatMap((name) => [deployment(name, ours), service(name, ours)]),
      deployment("kafka", { ...ours, ownerReferences: [owner] }),
      service("gcppubsub", {}),
    ],
  });
  await removeBusesOfFormerVersion(kube, signal);
  expect(namesOf([...kube.objects(Deployment), ...kube.objects(CoreService)])).toEqual([
    "gcppubsub-clusterbus",
    "kafka-clusterbus-dispatcher",
  ]);
  await removeBusesOfFormerVersion(kube, signal);
});
