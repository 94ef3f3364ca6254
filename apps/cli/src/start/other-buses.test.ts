import { expect, test } from "@jest/globals";
import { Deployment } from "@kelvin/kube";
import { fakeClock, openFakeKube } from "@kelvin/testkit";
import { removeOtherBuses } from "./other-buses.ts";

const namespace = "knative-eventing";
const names = ["nats-clusterbus-dispatcher", "stub-clusterbus-dispatcher"];

test("a bus that was chosen before and is not now stops; the one in memory always runs", async () => {
  const objects = names.map((name): Deployment => ({
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { namespace, name },
  }));
  const kube = openFakeKube({ clock: fakeClock(), objects });
  const { signal } = new AbortController();
  const running = async (): Promise<unknown[]> =>
    (await kube.list(Deployment, { namespace })).items.map(({ metadata }) => metadata.name);
  await removeOtherBuses(kube, "nats", signal);
  expect(await running()).toEqual(names);
  await removeOtherBuses(kube, "stub", signal);
  expect(await running()).toEqual(["stub-clusterbus-dispatcher"]);
  await removeOtherBuses(kube, "stub", signal);
});
