import { expect, test } from "@jest/globals";
import { silentRecorder } from "@kelvin/controller";
import { type Lease, Node, Pod } from "@kelvin/kube";
import { fakeClock, openFakeKube } from "@kelvin/testkit";
import { type NodeLeaseDeps, openRenewals, reconcileNodeLease } from "./reconcile.ts";

test("a node is lost when its Lease has not changed for 40 s on our clock, whatever times it names", async () => {
  const kube = openFakeKube();
  const clock = fakeClock();
  const conditions = [{ type: "Ready", status: "True" }];
  const node: Node = { metadata: { name: "a" }, status: { conditions } };
  kube.put({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "p", namespace: "default" },
    status: { conditions },
  } as Pod);
  const lease = { metadata: {}, spec: { renewTime: "2001-01-01T00:00:00.000000Z" } };
  const deps: NodeLeaseDeps = {
    kube,
    clock,
    recorder: silentRecorder,
    lease: (): Lease => lease,
    podsOn: () => kube.objects(Pod),
    renewals: openRenewals(() => clock.monotonicMs()),
  };
  const status = (): string | undefined => node.status?.conditions?.[0]?.status;

  expect(await reconcileNodeLease(node, deps)).toEqual({ requeueAfterMs: 40_000 });
  await clock.advance(30_000);
  lease.spec.renewTime = "2001-01-01T00:00:10.000000Z";
  await reconcileNodeLease(node, deps);
  await clock.advance(39_999);
  expect(await reconcileNodeLease(node, deps)).toEqual({ requeueAfterMs: 1 });
  expect(status()).toBe("True");

  await clock.advance(1);
  await reconcileNodeLease(node, deps);
  expect(node.status?.conditions?.[0]).toMatchObject({ status: "Unknown", reason: "NodeStatusUnknown" });
  expect(kube.objects(Pod)[0]?.status?.conditions?.[0]).toMatchObject({ type: "Ready", status: "False" });
});
