export { openFakeKube } from "./fake-kube.ts";
export type { FakeCall, FakeKube, FakeKubeOptions, FakeWrite } from "./fake-kube.ts";
export { fakeClock } from "./fake-clock.ts";
export type { FakeClock } from "./fake-clock.ts";
