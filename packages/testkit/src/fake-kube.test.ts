import { describeKubeClient } from "@kelvin/kube/contract";
import { openFakeKube } from "./fake-kube.ts";

const kube = openFakeKube();

describeKubeClient("fake", () => Promise.resolve({ kube, close: () => Promise.resolve() }), {
  expire: () => kube.compact(),
  bookmark: () => kube.bookmark(),
  validates: false,
});
