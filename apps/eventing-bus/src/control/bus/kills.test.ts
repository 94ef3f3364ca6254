import { expect, test } from "@jest/globals";
import { Bus, Channel, ClusterBus } from "@kelvin/api/channels/v1alpha1";
import { reconcileKey, silentLog, silentRecorder, type ReconcileContext } from "@kelvin/controller";
import {
  CoreService,
  Deployment,
  openInformer,
  RoleBinding,
  ServiceAccount,
  systemClock,
  type Informer,
  type Kind,
  type KubeObject,
} from "@kelvin/kube";
import { openFakeKube, withSpec, type FakeKube } from "@kelvin/testkit";
import { bus, busChannel } from "../../../test/channels-builders.ts";
import { fakeBuses } from "../../../test/fake-buses.ts";
import { finalizeBusChannel, reconcileBusChannel } from "../bus-channel/reconcile.ts";
import { reconcileBus } from "./reconcile.ts";

// A process that is killed stops between two calls. Whichever call that is, the next life must end where an undisturbed one does.

const world = (): KubeObject[] => [
  bus("rabbit", withSpec({ provisioner: { image: "example.com/p:1" } })),
  busChannel("orders", withSpec({ bus: "rabbit", clusterBus: undefined })),
];
const kinds = [Bus, Channel, CoreService, Deployment, RoleBinding, ServiceAccount] as Kind[];

/** One life: everything is read anew, and each object is reconciled once, until the process is killed. */
async function live(kube: FakeKube): Promise<void> {
  const informers: Informer<never>[] = [];
  const open = <T extends KubeObject>(kind: Kind<T>): Informer<T> => {
    const informer = openInformer(kube, kind);
    informers.push(informer as never);
    return informer;
  };
  const shared = {
    buses: fakeBuses().watch,
    busObjects: open(Bus),
    clusterBusObjects: open(ClusterBus),
    channelServices: open(CoreService),
    busServices: open(CoreService),
    busDeployments: open(Deployment),
    busAccounts: open(ServiceAccount),
    busBindings: open(RoleBinding),
    ownImage: () => Promise.resolve("own"),
    systemNamespace: "knative-eventing",
  };
  const channels = open(Channel);
  const { signal } = new AbortController();
  const contextOf = (name: string): ReconcileContext => ({
    key: { namespace: "default", name },
    kube,
    recorder: silentRecorder,
    clock: systemClock,
    log: silentLog,
    signal,
  });
  try {
    await Promise.all(informers.map((informer) => informer.synced));
    await reconcileKey(
      { kind: Bus, reconcile: (object, context) => reconcileBus(object, { ...context, ...shared }) },
      shared.busObjects,
      contextOf("rabbit"),
    );
    await reconcileKey(
      {
        kind: Channel,
        finalizerName: "channels.channels.knative.dev",
        finalize: (object, context) => finalizeBusChannel(object, { ...context, ...shared }),
        reconcile: (object, context) => reconcileBusChannel(object, { ...context, ...shared }),
      },
      channels,
      contextOf("orders"),
    );
  } finally {
    await Promise.all(informers.map((informer) => informer.close()));
  }
}

function summaryOf(kube: FakeKube): unknown {
  return kinds.flatMap((kind) =>
    kube.objects(kind).map((object) => {
      const { metadata, status, ...rest } = object as Channel;
      const { name, labels, annotations, finalizers } = metadata;
      const conditions = status?.conditions?.map(({ type, status: value, reason }) => [type, value, reason]);
      return { ...rest, name, labels, annotations, finalizers, conditions };
    }),
  );
}

/** Lives until the write with this number, which does not happen; gives whether it came to that. */
async function liveUntilKilled(kube: FakeKube, atWrite: number): Promise<boolean> {
  let writes = 0;
  const killed = new Error("killed");
  kube.intercept(({ verb }) => {
    const isWrite = verb === "create" || verb === "update" || verb === "patch" || verb === "delete";
    if (isWrite) writes += 1;
    if (isWrite && writes > atWrite) throw killed;
  });
  await live(kube).catch(() => undefined);
  kube.intercept(() => undefined);
  return writes > atWrite;
}

test("killed before any write, the next lives end where an undisturbed one ends", async () => {
  const undisturbed = openFakeKube({ objects: world() });
  for (let lives = 0; lives < 3; lives += 1) await live(undisturbed);
  const want = summaryOf(undisturbed);
  let writes = 0;
  for (; ; writes += 1) {
    const kube = openFakeKube({ objects: world() });
    const wasKilled = await liveUntilKilled(kube, writes);
    for (let lives = 0; lives < 3; lives += 1) await live(kube);
    expect(summaryOf(kube)).toEqual(want);
    if (!wasKilled) break;
  }
  // A Service, an identity of two objects, two Deployments, a status; a finalizer, a Service, a status.
  expect(writes).toBe(9);
});
