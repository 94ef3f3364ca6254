import { expect, test } from "@jest/globals";
import { silentRecorder } from "@kelvin/controller";
import { type Lease, Node, Pod } from "@kelvin/kube";
import { fakeClock, openFakeKube } from "@kelvin/testkit";
import { type NodeLeaseDeps, openRenewals, reconcileNodeLease } from "./reconcile.ts";

test("a node is lost when its Lease has not changed for 40 s on our clock, its pods after 5 min more, until it returns", async () => {
  const kube = openFakeKube();
  const clock = fakeClock();
  const conditions = [{ type: "Ready", status: "True" }];
  const foreign = { key: "x.dev/mine", effect: "NoSchedule" };
  kube.put({ apiVersion: "v1", kind: "Node", metadata: { name: "a" }, spec: { taints: [foreign] } } as Node);
  const node: Node = { ...(await kube.get(Node, { name: "a" })), status: { conditions } };
  const patient = [{ key: "node.kubernetes.io/unreachable", operator: "Exists" }];
  for (const [name, tolerations] of [
    ["p", []],
    ["patient", patient],
  ] as const) {
    const metadata = { name, namespace: "default" };
    kube.put({
      apiVersion: "v1",
      kind: "Pod",
      metadata,
      spec: { tolerations },
      status: { conditions },
    } as unknown as Pod);
  }
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

  const taintsOf = async (): Promise<unknown> =>
    (await kube.get(Node, { name: "a" })).spec?.taints?.map(({ key, effect }) => `${key}:${effect}`);
  const unreachable = ["node.kubernetes.io/unreachable:NoSchedule", "node.kubernetes.io/unreachable:NoExecute"];
  expect(await taintsOf()).toEqual(["x.dev/mine:NoSchedule", ...unreachable]);
  const names = (): unknown[] => kube.objects(Pod).map(({ metadata }) => metadata.name);
  await clock.advance(299_999);
  await reconcileNodeLease(node, deps);
  expect(names()).toEqual(["p", "patient"]);
  await clock.advance(1);
  await reconcileNodeLease(node, deps);
  expect(names()).toEqual(["patient"]);

  lease.spec.renewTime = "2001-01-01T00:09:00.000000Z";
  node.status = { conditions: [{ type: "Ready", status: "True" }] };
  await reconcileNodeLease(node, deps);
  expect(await taintsOf()).toEqual(["x.dev/mine:NoSchedule"]);
});
