import { expect, test } from "@jest/globals";
import type { Deployment, KubeObject } from "@kelvin/kube";
import { fakeClock, openFakeKube } from "@kelvin/testkit";
import { findDispatcher } from "./cluster-bus.ts";

const group = "channels.knative.dev/v1alpha1";
const busWith = (settings: string | undefined): KubeObject => ({
  apiVersion: group,
  kind: "ClusterBus",
  metadata: { name: "kafka", uid: "1", ...annotated(settings) },
});
const dispatcher = (uid: string, settings: string | undefined): Deployment => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: {
    name: "kafka-clusterbus-dispatcher",
    namespace: "knative-eventing",
    ownerReferences: [{ apiVersion: group, kind: "ClusterBus", name: "kafka", uid }],
  },
  spec: { selector: {}, template: { metadata: annotated(settings) } },
});

function annotated(settings: string | undefined): { annotations?: Record<string, string> } {
  return settings === undefined ? {} : { annotations: { "kelvin.dev/bus-settings": settings } };
}

test.each([
  { what: "made of this bus, with its settings", uid: "1", settings: "new", wanted: "new", isFound: true },
  { what: "made of this bus, with former settings", uid: "1", settings: "old", wanted: "new", isFound: false },
  { what: "of a bus that has no settings", uid: "1", settings: undefined, wanted: undefined, isFound: true },
  { what: "made of an earlier bus of the name", uid: "0", settings: "new", wanted: "new", isFound: false },
])("a Deployment $what", async ({ uid, settings, wanted, isFound }) => {
  const kube = openFakeKube({ clock: fakeClock(), objects: [busWith(wanted), dispatcher(uid, settings)] });
  const found = await findDispatcher(kube, "kafka");
  expect(found?.metadata.name).toBe(isFound ? "kafka-clusterbus-dispatcher" : undefined);
});

test("neither bus nor Deployment", async () => {
  expect(await findDispatcher(openFakeKube({ clock: fakeClock(), objects: [] }), "kafka")).toBeUndefined();
});
