import { Ingress } from "@kelvin/api/networking/v1alpha1";
import { requeueAfter, waitForEvent } from "@kelvin/controller";
import {
  describeReconcile,
  ingress,
  withConditions,
  withGeneration,
  withStatus,
  type ReconcileRow,
} from "@kelvin/testkit";
import type { AppliedView } from "./activator-tables.ts";
import { reconcileIngress } from "./reconcile.ts";

const key = "default/hello";
const gatewayHost = "activator.knative-serving.svc.cluster.local";
const hello = (...changes: Parameters<typeof ingress>[2][]) =>
  ingress("hello", "hello.example.com", withGeneration(2), ...changes);
const ready = { LoadBalancerReady: "True", NetworkConfigured: "True", Ready: "True" };
const waiting = {
  LoadBalancerReady: "Unknown/Uninitialized",
  NetworkConfigured: "Unknown",
  Ready: "Unknown/Uninitialized",
};
const view = (activator: string, generation: number | undefined): AppliedView => ({ activator, generation });

/** Rows for one state of the activators; `waitedMs` is how long the Ingress has been waiting already. */
function describeWith(views: readonly AppliedView[], waitedMs: number, rows: readonly ReconcileRow[]): void {
  describeReconcile(
    {
      kind: Ingress,
      reconcile: reconcileIngress,
      makeDeps: (_world, context) => ({
        ...context,
        tables: { appliedBy: () => views },
        waits: new Map([
          [key, { uid: "uid-ingress-hello", generation: 2, sinceMs: context.clock.monotonicMs() - waitedMs }],
        ]),
        gatewayHost,
      }),
    },
    rows,
  );
}

describeWith([view("a", 2), view("b", 2)], 0, [
  {
    name: "is ready when every activator serves its generation",
    world: [hello()],
    key,
    wantStatus: ready,
    wantStatusFields: { observedGeneration: 2, privateLoadBalancer: { ingress: [{ domainInternal: gatewayHost }] } },
  },
]);

describeWith([view("a", 2), view("b", 1)], 4000, [
  {
    name: "waits for an activator that serves an older generation",
    world: [hello()],
    key,
    wantStatus: waiting,
    wantOutcome: requeueAfter(6000),
  },
  {
    name: "keeps what it once said of this generation",
    world: [hello(withConditions({ LoadBalancerReady: "True", NetworkConfigured: "True", Ready: "True" }))],
    key,
    wantStatus: ready,
  },
  {
    name: "is not ready for a new generation because the old one was",
    world: [
      hello(
        withConditions({ LoadBalancerReady: "True", NetworkConfigured: "True", Ready: "True" }),
        withStatus({ observedGeneration: 1 }),
      ),
    ],
    key,
    wantStatus: { ...waiting, NetworkConfigured: "True" },
    wantOutcome: requeueAfter(6000),
  },
]);

describeWith([view("a", 2), view("b", undefined)], 10_000, [
  {
    name: "goes on without an activator that has not followed for ten seconds, and tells",
    world: [hello()],
    key,
    wantStatus: ready,
    wantEvents: ['Warning ActivatorLeftBehind: Activators "b" have not applied generation 2; going on without them'],
  },
]);

describeWith([view("a", 1)], 60_000, [
  {
    name: "never goes on without the last activator",
    world: [hello()],
    key,
    wantStatus: waiting,
    wantOutcome: waitForEvent,
  },
]);

describeWith([], 60_000, [
  { name: "waits while there is no activator at all", world: [hello()], key, wantStatus: waiting },
]);
