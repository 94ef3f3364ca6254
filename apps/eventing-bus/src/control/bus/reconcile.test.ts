import { ClusterBus, Bus } from "@kelvin/api/channels/v1alpha1";
import { NotOwnedError, requeueAfter, type ReconcileContext } from "@kelvin/controller";
import { CoreService, Deployment, type Pod, RoleBinding, ServiceAccount } from "@kelvin/kube";
import {
  deployment,
  coreService,
  describeReconcile,
  inNamespace,
  ownedBySomeoneElse,
  pod,
  withAnnotations,
  withLabels,
  withSpec,
  withStatus,
  type ReconcileRow,
  type ReconcileWorld,
} from "@kelvin/testkit";
import { bus, clusterBus } from "../../../test/channels-builders.ts";
import type { AnyBus } from "./bus-place.ts";
import { makeOwnImage } from "./own-image.ts";
import { planBus, type BusPlan } from "./plan.ts";
import { reconcileBus, type BusDeps } from "./reconcile.ts";

const systemNamespace = "knative-eventing";
const image = "ghcr.io/kelvin/eventing-bus:1";
const controller = pod(
  "ec-1",
  inNamespace(systemNamespace),
  withSpec({ containers: [{ name: "eventing-controller", image }] }),
);

function plan(object: AnyBus): BusPlan {
  const made = planBus(object, { systemNamespace, image });
  if (made.kind === "refused") throw new Error(made.problem);
  return made;
}

const stub = clusterBus("stub");
const { service, dispatcher } = plan(stub);
/** As stored: with a uid and, when it runs, an available Pod. */
const stored = (made: Deployment, availableReplicas = 1): Deployment => ({
  ...made,
  metadata: { ...made.metadata, generation: 1, uid: "uid-d" },
  status: { observedGeneration: 1, availableReplicas },
});
const running = stored(dispatcher);
const starting = stored(dispatcher, 0);
const starting2s = requeueAfter(2_000);
const fine = { Serviceable: "True/ServiceSynced", Provisioning: "True/NoProvisioner" };
const allReady = { ...fine, Dispatching: "True/DeploymentSynced", Ready: "True" };
const unavailable = { ...fine, Dispatching: "False/PodsUnavailable", Ready: "False/PodsUnavailable" };
const dispatcherPod = (status: object): Pod =>
  pod("stub-1", inNamespace(systemNamespace), withLabels({ app: "stub-clusterbus-dispatcher" }), withStatus(status));
const waiting = (reason: string, message: string) => ({
  containerStatuses: [{ name: "dispatcher", state: { waiting: { reason, message } } }],
});

const key = "stub";
const clusterRows: ReconcileRow[] = [
  {
    name: "§1.7 makes a Service and a Deployment",
    world: [controller, stub],
    key,
    wantCreated: [service, dispatcher],
    wantStatus: unavailable,
    wantStatusFields: { service: { name: "stub-clusterbus" } },
    wantEvents: [
      'Normal Created: Created Service "stub-clusterbus"',
      'Normal Created: Created Deployment "stub-clusterbus-dispatcher"',
    ],
    wantOutcome: starting2s,
  },
  {
    name: "§1.3 is Ready once a Pod of its dispatcher is available",
    world: [controller, stub, service, running],
    key,
    wantStatus: allReady,
    wantEvents: ['Normal ClusterBusReadinessChanged: ClusterBus "stub" became ready'],
  },
  {
    name: "§1.3 a Pod that cannot start makes it not Ready, and says why",
    world: [controller, stub, service, starting, dispatcherPod(waiting("ImagePullBackOff", "no such image"))],
    key,
    wantStatus: unavailable,
    wantEvents: [
      'Warning PodsUnavailable: No Pod of Deployment "stub-clusterbus-dispatcher" is available: ImagePullBackOff: no such image',
    ],
    wantOutcome: starting2s,
  },
  {
    name: "§1.3 a Pod that ends again and again makes it not Ready",
    world: [
      controller,
      stub,
      service,
      starting,
      dispatcherPod({
        containerStatuses: [
          {
            name: "dispatcher",
            state: { waiting: { reason: "CrashLoopBackOff" } },
            lastState: { terminated: { exitCode: 3, message: "no broker" } },
          },
        ],
      }),
    ],
    key,
    wantStatus: unavailable,
    wantEvents: [
      'Warning PodsUnavailable: No Pod of Deployment "stub-clusterbus-dispatcher" is available: CrashLoopBackOff; its container ended with 3: no broker',
    ],
    wantOutcome: starting2s,
  },
  {
    name: "puts back what somebody changed by hand, and the one replica of the bus in memory",
    world: [
      controller,
      stub,
      { ...service, spec: { ...service.spec, selector: { app: "other" } } } as CoreService,
      { ...running, spec: { ...running.spec, replicas: 3 } } as Deployment,
    ],
    key,
    wantUpdated: [{ ...service, metadata: { ...service.metadata, annotations: {} } }, dispatcher],
    wantStatus: allReady,
    wantEvents: ['Normal ClusterBusReadinessChanged: ClusterBus "stub" became ready'],
  },
  {
    name: "§1.7 adopts nothing, and tells whose name is taken",
    world: [
      controller,
      stub,
      coreService("stub-clusterbus", inNamespace(systemNamespace), ownedBySomeoneElse),
      deployment("stub-clusterbus-dispatcher", inNamespace(systemNamespace)),
    ],
    key,
    wantStatus: {
      Serviceable: "False/ErrResourceExists",
      Dispatching: "False/ErrResourceExists",
      Provisioning: "True/NoProvisioner",
      Ready: "False/ErrResourceExists",
    },
    wantEvents: ['Warning ErrResourceExists: clusterbus: "stub" does not own Deployment: "stub-clusterbus-dispatcher"'],
    wantError: NotOwnedError,
  },
  {
    name: "what admission let through and cannot be, is said in a condition, and what runs runs on",
    world: [controller, clusterBus("stub", withAnnotations({ "kelvin.dev/bus": "rabbit" })), service, running],
    key,
    wantStatus: {
      Serviceable: "Unknown",
      Dispatching: "False/DeploymentError",
      Provisioning: "Unknown",
      Ready: "False/DeploymentError",
    },
    wantEvents: [
      "Warning DeploymentError: invalid value: rabbit: metadata.annotations.[kelvin.dev/bus]\nmust be one of stub, nats, kafka, gcppubsub, or absent: then the dispatcher runs as it is",
    ],
  },
  {
    name: "rolls when its settings change",
    world: [controller, clusterBus("stub", withAnnotations({ "kelvin.dev/bus-settings": "2" })), service, running],
    key,
    wantUpdated: [plan(clusterBus("stub", withAnnotations({ "kelvin.dev/bus-settings": "2" }))).dispatcher],
    wantStatus: allReady,
    wantEvents: ['Normal ClusterBusReadinessChanged: ClusterBus "stub" became ready'],
  },
  {
    name: "a provisioner that it has no more goes",
    world: [
      controller,
      stub,
      service,
      running,
      { ...running, metadata: { ...running.metadata, name: "stub-clusterbus-provisioner" } },
    ],
    key,
    wantDeleted: ["Deployment knative-eventing/stub-clusterbus-provisioner"],
    wantStatus: allReady,
    wantEvents: ['Normal ClusterBusReadinessChanged: ClusterBus "stub" became ready'],
  },
  {
    name: "without a Pod of its own the image is not known, which it says",
    world: [stub],
    key,
    wantStatus: {
      Serviceable: "Unknown",
      Dispatching: "False/DeploymentError",
      Provisioning: "Unknown",
      Ready: "False/DeploymentError",
    },
    wantEvents: ["Warning DeploymentError: the image of Kelvin's buses is not known: this controller runs in no Pod"],
  },
];

const rabbit = bus("rabbit", withSpec({ provisioner: { name: "p", image: "example.com/provisioner:1" } }));
const parts = plan(rabbit);
const { identity } = parts;
const account = identity?.account as ServiceAccount;
const binding = identity?.binding as RoleBinding;
const provisioner = parts.provisioner as Deployment;
const notReady = (what: string) => ({
  Serviceable: "True/ServiceSynced",
  Dispatching: "True/DeploymentSynced",
  Provisioning: "True/DeploymentSynced",
  [what]: "False/PodsUnavailable",
  Ready: "False/PodsUnavailable",
});

const busRows: ReconcileRow[] = [
  {
    name: "§1.7 makes a Service, an identity and two Deployments in its namespace",
    world: [controller, rabbit],
    key: "default/rabbit",
    wantCreated: [parts.service, account, binding, parts.dispatcher, provisioner],
    wantStatus: { ...notReady("Dispatching"), Provisioning: "False/PodsUnavailable" },
    wantEvents: [
      'Normal Created: Created Service "rabbit-bus"',
      'Normal Created: Created ServiceAccount "rabbit-bus"',
      'Normal Created: Created RoleBinding "rabbit-bus"',
      'Normal Created: Created Deployment "rabbit-bus-dispatcher"',
      'Normal Created: Created Deployment "rabbit-bus-provisioner"',
    ],
    wantOutcome: starting2s,
  },
  {
    name: "§1.3 needs its provisioner, when it has one",
    world: [controller, rabbit, parts.service, account, binding, stored(parts.dispatcher), stored(provisioner, 0)],
    key: "default/rabbit",
    wantStatus: notReady("Provisioning"),
    wantOutcome: starting2s,
  },
  {
    name: "§1.3 is Ready with a dispatcher and a provisioner, however many of them a user wants",
    world: [
      controller,
      rabbit,
      parts.service,
      account,
      binding,
      { ...stored(parts.dispatcher), spec: { ...parts.dispatcher.spec, replicas: 3 } } as Deployment,
      stored(provisioner),
    ],
    key: "default/rabbit",
    wantStatus: { ...notReady("Ready"), Ready: "True" },
    wantEvents: ['Normal BusReadinessChanged: Bus "rabbit" became ready'],
  },
  {
    name: "runs nothing as somebody else's ServiceAccount",
    world: [
      controller,
      rabbit,
      { ...account, metadata: { ...account.metadata, ownerReferences: [] } } as ServiceAccount,
    ],
    key: "default/rabbit",
    wantCreated: [parts.service],
    wantStatus: {
      Serviceable: "True/ServiceSynced",
      Dispatching: "False/ErrResourceExists",
      Provisioning: "False/ErrResourceExists",
      Ready: "False/ErrResourceExists",
    },
    wantEvents: [
      'Normal Created: Created Service "rabbit-bus"',
      'Warning ErrResourceExists: bus: "rabbit" does not own ServiceAccount: "rabbit-bus"',
    ],
    wantError: NotOwnedError,
  },
  {
    name: "binds anew when other rights are its own, and to nobody else",
    world: [
      controller,
      rabbit,
      parts.service,
      account,
      { ...binding, roleRef: { ...binding.roleRef, name: "kelvin-namespaced-bus" } } as RoleBinding,
      stored(parts.dispatcher),
      stored(provisioner),
    ],
    key: "default/rabbit",
    wantDeleted: ["RoleBinding default/rabbit-bus"],
    wantCreated: [binding],
    wantStatus: { ...notReady("Ready"), Ready: "True" },
    wantEvents: [
      'Normal Created: Created RoleBinding "rabbit-bus"',
      'Normal BusReadinessChanged: Bus "rabbit" became ready',
    ],
  },
];

function makeDeps({ informer, kube }: ReconcileWorld, context: ReconcileContext): BusDeps {
  const ofBuses = { labelSelector: "bus" };
  return {
    ...context,
    systemNamespace,
    ownImage: makeOwnImage(kube, { systemNamespace, podName: "ec-1" }),
    busServices: informer(CoreService, ofBuses),
    busDeployments: informer(Deployment, ofBuses),
    busAccounts: informer(ServiceAccount, ofBuses),
    busBindings: informer(RoleBinding, ofBuses),
  };
}

describeReconcile({ kind: ClusterBus, reconcile: reconcileBus, makeDeps }, clusterRows);
describeReconcile({ kind: Bus, reconcile: reconcileBus, makeDeps }, busRows);
