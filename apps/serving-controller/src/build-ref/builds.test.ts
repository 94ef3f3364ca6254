import { expect, test } from "@jest/globals";
import type { Build } from "@kelvin/api/build/v1alpha1";
import { silentLog } from "@kelvin/controller";
import { fakeClock, openFakeKube } from "@kelvin/testkit";
import { openBuilds } from "./builds.ts";

const key = { namespace: "default", name: "b" };
const build: Build = {
  apiVersion: "build.knative.dev/v1alpha1",
  kind: "Build",
  metadata: { ...key, labels: { large: "x" } },
  spec: { steps: [{ image: "large" }] },
  status: { image: "registry.test/b@sha256:1" },
};

test("nothing is watched until somebody asks; the answer wakes whoever asked too early", async () => {
  const clock = fakeClock();
  const kube = openFakeKube({ clock, objects: [build] });
  const builds = openBuilds({ kube, log: silentLog });
  const woken: (string | undefined)[] = [];
  builds.onChange(({ after }) => woken.push(after?.metadata.name));
  await clock.settle();
  expect(woken).toEqual([]);

  expect(builds.find(key)).toBeUndefined();
  await clock.settle();
  expect(woken).toEqual(["b"]);
  expect(builds.find(key)).toMatchObject({ metadata: key, spec: {}, status: { image: "registry.test/b@sha256:1" } });
  expect(builds.find(key)?.metadata.labels).toBeUndefined();
  await builds.close();
});
