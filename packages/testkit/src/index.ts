export { openFakeKube } from "./fake-kube.ts";
export type { FakeCall, FakeKube, FakeKubeOptions, FakeWrite } from "./fake-kube.ts";
export { fakeClock } from "./fake-clock.ts";
export type { FakeClock } from "./fake-clock.ts";
export { describeReconcile } from "./table-test.ts";
export type { ReconcileRow, ReconcileSubject, ReconcileWorld } from "./table-test.ts";

// Builders of valid objects, and what makes them different.
export {
  configMap,
  coreService,
  deployment,
  endpointSlice,
  lease,
  namespace,
  pod,
  readyAt,
  secret,
} from "./builders/core.ts";
export { configuration, ingress, podAutoscaler, revision, route, service } from "./builders/knative.ts";
export {
  deleting,
  inNamespace,
  ownedBy,
  ownedBySomeoneElse,
  uidOf,
  withAnnotations,
  withConditions,
  withGeneration,
  withLabels,
  withSpec,
  withStatus,
} from "./builders/change.ts";
export type { Change } from "./builders/change.ts";
