import { describe, expect, test } from "@jest/globals";
import { makeOwnerReference } from "@kelvin/api";
import { Route, Service } from "@kelvin/api/serving/v1";
import { requeueAfter, TerminalError, waitForEvent } from "@kelvin/controller";
import type { EventRecorder, Outcome } from "@kelvin/controller";
import { isSemanticallyEqual } from "@kelvin/kube";
import type { Informer, KubeClient } from "@kelvin/kube";
import { ownedBy, withAnnotations, withConditions } from "./builders/change.ts";
import { route, service } from "./builders/knative.ts";
import { describeReconcile, runReconcileRow } from "./table-test.ts";
import type { ReconcileRow, ReconcileSubject } from "./table-test.ts";

interface Deps {
  kube: KubeClient;
  recorder: EventRecorder;
  routes: Informer<Route>;
  now: Date;
}

/** A small reconciler with what real ones do: a child that is made, mended or refused. */
async function reconcileToy(object: Service, { kube, recorder, routes, now }: Deps): Promise<Outcome> {
  const { namespace = "", name = "" } = object.metadata;
  const existing = routes.get({ namespace, name }) ?? (await kube.find(Route, { namespace, name }));
  const status = (object.status ??= {});
  const spec = { traffic: [{ configurationName: name, latestRevision: true, percent: 100 }] };
  if (existing === undefined) {
    const ownerReferences = [makeOwnerReference(Service, object)];
    await kube.create(Route, { metadata: { namespace, name, ownerReferences }, spec });
    recorder.normal(object, "Created", `Created Route "${name}".`);
    return requeueAfter(1000);
  }
  if (existing.metadata.ownerReferences?.[0]?.uid !== object.metadata.uid) {
    Service.conditions.markFalse(status, { type: "RoutesReady", reason: "NotOwned", message: "m" }, now);
    throw new TerminalError("not ours");
  }
  Service.conditions.markTrue(status, { type: "RoutesReady" }, now);
  Service.conditions.markTrue(status, { type: "ConfigurationsReady" }, now);
  if (!isSemanticallyEqual(existing.spec, spec)) await kube.update(Route, { ...existing, spec });
  return waitForEvent;
}

const subject: ReconcileSubject<Service, Deps> = {
  kind: Service,
  reconcile: reconcileToy,
  makeDeps: ({ kube, recorder, informer, clock }) => ({ kube, recorder, routes: informer(Route), now: clock.now() }),
};

const hello = service("hello");
const owned = ownedBy(hello);

const creates: ReconcileRow = {
  name: "makes the child",
  world: [hello],
  key: "default/hello",
  wantCreated: [route("hello", owned)],
  wantStatus: { ConfigurationsReady: "Unknown", Ready: "Unknown/NewObservedGenFailure", RoutesReady: "Unknown" },
  wantStatusFields: { observedGeneration: 1 },
  wantEvents: ['Normal Created: Created Route "hello".'],
  wantOutcome: requeueAfter(1000),
  // It looks at the child only when called again.
  mayWriteAgain: true,
};

describeReconcile(subject, [
  creates,
  {
    name: "mends the child",
    world: [hello, route("hello", owned, (built) => (built.spec = { traffic: [] }))],
    key: "default/hello",
    wantUpdated: [route("hello", owned)],
    wantStatus: { ConfigurationsReady: "True", Ready: "True", RoutesReady: "True" },
  },
  {
    name: "leaves what is right alone",
    world: [
      service("hello", withConditions({ ConfigurationsReady: "True", Ready: "True", RoutesReady: "True" })),
      route("hello", owned, withAnnotations({ a: "b" })),
    ],
    key: "default/hello",
  },
  {
    name: "refuses another's child, and says so",
    world: [hello, route("hello")],
    key: "default/hello",
    wantStatus: { ConfigurationsReady: "Unknown", Ready: "False/NotOwned", RoutesReady: "False/NotOwned" },
    wantError: TerminalError,
  },
  { name: "does nothing for an object that is gone", world: [], key: "default/gone" },
]);

describe("describeReconcile fails", () => {
  const withReconcile = (reconcile: typeof reconcileToy): ReconcileSubject<Service, Deps> => ({
    ...subject,
    reconcile,
  });
  const quiet: ReconcileRow = { name: "n", world: [hello], key: "default/hello" };

  test.each<[string, Partial<ReconcileRow>]>([
    ["an event that nobody wanted", { wantEvents: [] }],
    ["a write that nobody wanted", { wantCreated: [] }],
    ["a write that did not happen", { wantDeleted: ["Route default/other"] }],
    ["a child that differs", { wantCreated: [route("hello", owned, withAnnotations({ a: "b" }))] }],
    ["another condition", { wantStatus: { Ready: "True" } }],
    ["another outcome", { wantOutcome: waitForEvent }],
    ["an error that did not come", { wantError: TerminalError }],
  ])("on %s", async (_name, difference) => {
    await expect(runReconcileRow(subject, { ...creates, ...difference })).rejects.toThrow();
  });

  test("on an error that nobody wanted, with that error", async () => {
    const failing = withReconcile(() => Promise.reject(new Error("boom")));
    await expect(runReconcileRow(failing, quiet)).rejects.toThrow("boom");
  });

  test("on a reconcile that writes again into a world that is right", async () => {
    let serial = 0;
    const restless = withReconcile(async (object, { kube }) => {
      serial += 1;
      await kube.patch(
        Service,
        { namespace: "default", name: "hello" },
        { type: "merge", body: { metadata: { annotations: { serial: String(serial) } } } },
      );
      return waitForEvent;
    });
    const wantUpdated = [service("hello", withAnnotations({ serial: "1" }))];
    await expect(runReconcileRow(restless, { ...quiet, wantUpdated })).rejects.toThrow("second run");
  });

  test("on a reconcile that changes what an informer holds", async () => {
    const meddling = withReconcile((_object, { routes }) => {
      for (const held of routes.list()) held.metadata.labels = { mine: "now" };
      return Promise.resolve(waitForEvent);
    });
    await expect(runReconcileRow(meddling, { ...quiet, world: [hello, route("hello", owned)] })).rejects.toThrow(
      TypeError,
    );
  });
});
