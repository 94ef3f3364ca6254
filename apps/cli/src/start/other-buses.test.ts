import { expect, test } from "@jest/globals";
import { Deployment, type Kind, type KubeObject } from "@kelvin/kube";
import { fakeClock, openFakeKube } from "@kelvin/testkit";
import { removeOtherBuses } from "./other-buses.ts";

const namespace = "knative-eventing";
const compare = (one: string, other: string): number => one.localeCompare(other);
const ours = { labels: { "app.kubernetes.io/part-of": "kelvin" } };
const ClusterBus: Kind = {
  group: "channels.knative.dev",
  version: "v1alpha1",
  kind: "ClusterBus",
  plural: "clusterbuses",
  namespaced: false,
};
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

test("a bus that was chosen before and is not now stops; what users made, and the one in memory, always run", async () => {
  const kube = openFakeKube({
    clock: fakeClock(),
    objects: [
      ...["stub", "nats", "gcppubsub"].map((name) => clusterBus(name, ours)),
      clusterBus("kafka", {}),
      deployment("stub", ours),
      deployment("nats", ours),
      deployment("kafka", { ...ours, ownerReferences: [owner] }),
    ],
  });
  const { signal } = new AbortController();
  const left = (): unknown[] =>
    [...kube.objects(ClusterBus), ...kube.objects(Deployment)]
      .map(({ metadata }) => metadata.name ?? "")
      .toSorted(compare);
  await removeOtherBuses(kube, ["gcppubsub", "nats"], signal);
  expect(left()).toHaveLength(7);
  await removeOtherBuses(kube, ["stub"], signal);
  const kept = ["kafka", "kafka-clusterbus-dispatcher", "stub", "stub-clusterbus-dispatcher"];
  expect(left()).toEqual(kept);
  await removeOtherBuses(kube, ["stub"], signal);
});
