import { Bus, Channel, ClusterBus } from "@kelvin/api/channels/v1alpha1";
import { NotOwnedError, requeueAfter, type ReconcileContext } from "@kelvin/controller";
import { CoreService } from "@kelvin/kube";
import {
  coreService,
  deleting,
  describeReconcile,
  namespace,
  ownedBy,
  ownedBySomeoneElse,
  withConditions,
  withLabels,
  withSpec,
  withStatus,
  type ReconcileRow,
  type ReconcileWorld,
} from "@kelvin/testkit";
import { bus, busChannel, clusterBus } from "../../../test/channels-builders.ts";
import { busView, fakeBuses, served } from "../../../test/fake-buses.ts";
import { heldRow } from "../../../test/held-row.ts";
import type { BusView } from "../bus-watch/bus-watch.ts";
import { finalizeBusChannel, reconcileBusChannel, type BusChannelDeps } from "./reconcile.ts";

const key = "default/orders";
const orders = busChannel("orders");
const uid = "uid-channel-orders";
const stub = clusterBus("stub", withConditions({ Serviceable: "True/ServiceSynced" }));
const rabbit = bus("rabbit", withConditions({ Serviceable: "True/ServiceSynced" }));
const ofRabbit = busChannel("orders", withSpec({ bus: "rabbit", clusterBus: undefined }));

function nameOf(channel: Channel, externalName: string): CoreService {
  const service = coreService(
    "orders-channel",
    withLabels({ "messaging.knative.dev/role": "bus-channel" }),
    ownedBy(channel),
  );
  const ports = [{ name: "http", port: 80, targetPort: 80, protocol: "TCP" }];
  return { ...service, spec: { type: "ExternalName", externalName, sessionAffinity: "None", ports } };
}
const service = nameOf(orders, "stub-clusterbus.knative-eventing.svc.cluster.local");
const host = "orders-channel.default.svc.cluster.local";
const address = { name: "http", url: `http://${host}` };
const addressed = { domainInternal: host, address, addresses: [address], service: { name: "orders-channel" } };

const named = { Serviceable: "True/ServiceSynced", Routeable: "True/Routed" };
const ready = { ...named, Provisioned: "True/Provisioned", Ready: "True" };
const because = (text: string) => ({ ...named, Provisioned: text, Ready: text });
const serving = (changes: Parameters<typeof served>[0] = {}) => busView({ [uid]: served(changes) });
const became = 'Normal ChannelReadinessChanged: Channel "orders" became ready';

type Row = ReconcileRow & { readonly buses?: Readonly<Record<string, BusView>> };

const ofOurs: Row[] = [
  {
    name: "§1.8 has a Service that is another name of its bus's, and v0.1's domainInternal",
    world: [stub, orders],
    buses: { stub: serving() },
    key,
    wantCreated: [service],
    wantStatus: ready,
    wantStatusFields: { ...addressed, annotations: { "kelvin.dev/bus": "stub" } },
    wantEvents: ['Normal Created: Created Service "orders-channel"', became],
  },
  {
    name: "§1.8 of a Bus leads to the Bus's Service, in its namespace",
    world: [rabbit, ofRabbit],
    key,
    wantCreated: [nameOf(ofRabbit, "rabbit-bus.default.svc.cluster.local")],
    wantStatus: because("Unknown/Provisioning"),
    wantStatusFields: addressed,
    wantEvents: ['Normal Created: Created Service "orders-channel"'],
  },
  {
    name: "§1.4 is Ready when it is Serviceable, Routeable and Provisioned",
    world: [stub, orders, service],
    buses: { stub: serving() },
    key,
    wantStatus: ready,
    wantEvents: [became],
  },
  {
    name: "waits for every replica of its bus",
    world: [stub, orders, service],
    buses: { stub: serving({ generation: 0 }) },
    key,
    wantStatus: because("Unknown/Provisioning"),
  },
  {
    name: "says what its bus says against it",
    world: [stub, orders, service],
    buses: { stub: serving({ state: "failed", message: "NumPartitions: must be 1 to 256" }) },
    key,
    wantStatus: because("False/ProvisionFailed"),
    wantEvents: ['Warning ProvisionFailed: Bus "stub" failed: NumPartitions: must be 1 to 256'],
  },
  {
    name: "of a bus that does not run says why that does not",
    world: [
      clusterBus("stub", withConditions({ Serviceable: "True", Ready: "False/PodsUnavailable" })),
      orders,
      service,
    ],
    key,
    wantStatus: because("False/BusNotReady"),
    wantEvents: ['Warning BusNotReady: No replica of bus "stub" runs'],
  },
  {
    name: "leads nowhere while the Service of its bus is somebody else's",
    world: [clusterBus("stub", withConditions({ Serviceable: "False/ErrResourceExists" })), orders, service],
    buses: { stub: serving() },
    key,
    wantStatus: {
      ...ready,
      Routeable: "False/BusNotReady",
      Ready: "False/BusNotReady",
    },
    wantEvents: ['Warning BusNotReady: The Service of bus "stub" is not there yet'],
  },
  {
    name: "§1.4 of an unknown ClusterBus names those that are there",
    world: [stub, busChannel("orders", withSpec({ clusterBus: "kafka" }))],
    key,
    wantStatus: {
      Serviceable: "False/BusNotFound",
      Routeable: "False/BusNotFound",
      Provisioned: "False/BusNotFound",
      Ready: "False/BusNotFound",
    },
    wantEvents: ['Warning BusNotFound: There is no ClusterBus "kafka"; ClusterBuses that are there: stub'],
  },
  {
    name: "§1.3 of a Bus of another namespace finds none",
    world: [stub, { ...rabbit, metadata: { ...rabbit.metadata, namespace: "other" } } as Bus, ofRabbit],
    key,
    wantStatus: {
      Serviceable: "False/BusNotFound",
      Routeable: "False/BusNotFound",
      Provisioned: "False/BusNotFound",
      Ready: "False/BusNotFound",
    },
    wantEvents: [
      'Warning BusNotFound: There is no Bus "rabbit" in namespace "default"; Buses that are there: none; ClusterBuses that are there: stub',
    ],
  },
  {
    name: "keeps its name while its bus is not there",
    world: [
      busChannel(
        "orders",
        withConditions({ Serviceable: "True/ServiceSynced" }),
        withStatus({ service: { name: "orders-channel" }, domainInternal: host }),
      ),
      service,
    ],
    key,
    wantStatus: {
      Serviceable: "True/ServiceSynced",
      Routeable: "False/BusNotFound",
      Provisioned: "False/BusNotFound",
      Ready: "False/BusNotFound",
    },
    wantStatusFields: { domainInternal: host },
    wantEvents: ['Warning BusNotFound: There is no ClusterBus "stub"; ClusterBuses that are there: none'],
  },
  {
    name: "leaves a Service of somebody else alone and says so",
    world: [stub, orders, coreService("orders-channel", ownedBySomeoneElse)],
    buses: { stub: serving() },
    key,
    wantStatus: {
      Serviceable: "False/ErrResourceExists",
      Routeable: "Unknown",
      Provisioned: "Unknown",
      Ready: "False/ErrResourceExists",
    },
    wantEvents: ['Warning ErrResourceExists: channel: "orders" does not own Service: "orders-channel"'],
    wantError: NotOwnedError,
  },
];

const parameters = { channel: [{ name: "NumPartitions" }, { name: "ReplicationFactor", default: "1" }] };
const needing = clusterBus("stub", withSpec({ parameters }), withConditions({ Serviceable: "True" }));
const given = (...names: string[]) => withSpec({ arguments: names.map((name) => ({ name, value: "2" })) });

const ofArguments: Row[] = [
  {
    name: "§1.6 without an argument that its bus needs says which",
    world: [needing, orders, service],
    buses: { stub: serving() },
    key,
    wantStatus: because("False/MissingArguments"),
    wantEvents: ['Warning MissingArguments: Bus "stub" needs a value of NumPartitions: give spec.arguments'],
  },
  {
    name: "§1.6 with what its bus needs is served, and told what counts for nothing",
    world: [needing, busChannel("orders", given("NumPartitions", "Colour")), service],
    buses: { stub: serving() },
    key,
    wantStatus: ready,
    wantEvents: [became],
  },
];

const said = (text: string) => withConditions({ Provisioned: text });
const needy = bus(
  "rabbit",
  withSpec({ parameters: { channel: [{ name: "flavour" }] } }),
  withConditions({ Serviceable: "True/ServiceSynced" }),
);
const rabbitName = nameOf(ofRabbit, "rabbit-bus.default.svc.cluster.local");
const ofThirdParty: Row[] = [
  {
    name: "§1.9 of a third party's bus waits for what that says",
    world: [rabbit, ofRabbit, rabbitName],
    key,
    wantStatus: because("Unknown/Provisioning"),
  },
  {
    name: "§1.6 of a third party's bus is refused without its arguments while that says nothing",
    world: [needy, ofRabbit, rabbitName],
    key,
    wantStatus: because("False/MissingArguments"),
    wantEvents: ['Warning MissingArguments: Bus "default/rabbit" needs a value of flavour: give spec.arguments'],
  },
  {
    name: "§1.9 of a third party's bus keeps its word on arguments too: nobody contradicts it",
    world: [
      needy,
      busChannel("orders", withSpec({ bus: "rabbit", clusterBus: undefined }), said("True/Yes")),
      rabbitName,
    ],
    key,
    wantStatus: { ...named, Provisioned: "True/Yes", Ready: "True" },
    wantEvents: [became],
  },
  ...["True/Yes", "False/NoTopic"].map((text): Row => {
    const Ready = text.startsWith("True") ? "True" : text;
    return {
      name: `§1.9 of a third party's bus keeps what that says: ${text}`,
      world: [rabbit, busChannel("orders", withSpec({ bus: "rabbit", clusterBus: undefined }), said(text)), rabbitName],
      key,
      wantStatus: { ...named, Provisioned: text, Ready },
      wantEvents: [text.startsWith("True") ? became : "Warning NoTopic: "],
    };
  }),
];

const finalizer = "channels.channels.knative.dev";
const noted = (bus: string, kind = "kafka") =>
  withStatus({ annotations: { "kelvin.dev/bus": bus, "kelvin.dev/bus-kind": kind } });
const going = (...changes: Parameters<typeof busChannel>[1][]) => busChannel("orders", deleting(finalizer), ...changes);
const kafka = clusterBus("stub", ({ metadata }) => {
  metadata.annotations = { "kelvin.dev/bus": "kafka" };
});
const active = namespace("default");
const dying = namespace("default", deleting());
const atBroker = 'the topic "default.orders"';

/** A wanted update without its finalizer is shown as it was before. */
const deletions: Row[] = [
  {
    name: "stays while its bus has something of it",
    world: [active, kafka, going(noted("stub"))],
    buses: { stub: serving() },
    key,
    wantOutcome: requeueAfter(300_000),
  },
  {
    name: "goes when its bus has let go of it",
    world: [active, kafka, going(noted("stub"))],
    buses: { stub: serving({ state: "removed" }) },
    key,
    wantUpdated: [going(noted("stub"))],
  },
  {
    name: "goes when no bus had anything of it",
    world: [kafka, going()],
    key,
    wantUpdated: [going()],
  },
  {
    name: "goes at once when its bus is not there any more, and says what may remain",
    world: [active, going(noted("stub"))],
    key,
    wantUpdated: [going(noted("stub"))],
    wantEvents: [
      `Warning BusNotCleaned: Bus "stub" is gone, and has not confirmed that Channel "default/orders" is removed; there may remain ${atBroker}`,
    ],
  },
  {
    name: "of a bus in memory that is not there any more goes: nothing is left there",
    world: [active, going(noted("stub", "stub"))],
    key,
    wantUpdated: [going(noted("stub", "stub"))],
  },
  {
    name: "of a bus that is away stays, and looks again soon",
    world: [active, kafka, going(noted("stub"))],
    key,
    wantOutcome: requeueAfter(5_000),
  },
  {
    name: "of a bus that is away goes at once when its namespace is being deleted",
    world: [dying, kafka, going(noted("stub"))],
    key,
    wantUpdated: [going(noted("stub"))],
    wantEvents: [
      `Warning BusNotCleaned: Bus "stub" is away, and the namespace is being deleted, and has not confirmed that Channel "default/orders" is removed; there may remain ${atBroker}`,
    ],
  },
  {
    name: "waits for a bus that runs, whatever becomes of the namespace",
    world: [dying, kafka, going(noted("stub"))],
    buses: { stub: serving() },
    key,
    wantOutcome: requeueAfter(300_000),
  },
  {
    name: "of a bus whose broker is away goes with its namespace",
    world: [dying, kafka, going(noted("stub"))],
    buses: { stub: busView({ [uid]: served() }, { trouble: "connection refused" }) },
    key,
    wantUpdated: [going(noted("stub"))],
    wantEvents: [
      `Warning BusNotCleaned: Bus "stub" is away, and the namespace is being deleted, and has not confirmed that Channel "default/orders" is removed; there may remain ${atBroker}`,
    ],
  },
  {
    name: "of the bus in memory goes when that does not run: nothing is left there",
    world: [active, stub, going(noted("stub"))],
    key,
    wantUpdated: [going(noted("stub"))],
  },
  {
    name: "of a third party's bus goes at once: that has ways of its own",
    world: [active, rabbit, going(withSpec({ bus: "rabbit", clusterBus: undefined }))],
    key,
    wantUpdated: [going(withSpec({ bus: "rabbit", clusterBus: undefined }))],
  },
];

for (const row of [...ofOurs, ...ofArguments, ...ofThirdParty, ...deletions]) {
  describeReconcile(
    {
      kind: Channel,
      reconcile: reconcileBusChannel,
      finalize: finalizeBusChannel,
      finalizerName: finalizer,
      makeDeps: ({ informer }: ReconcileWorld, context: ReconcileContext): BusChannelDeps & ReconcileContext => ({
        ...context,
        buses: fakeBuses(row.buses).watch,
        busObjects: informer(Bus),
        clusterBusObjects: informer(ClusterBus),
        channelServices: informer(CoreService, { labelSelector: "messaging.knative.dev/role" }),
        ownImage: () => Promise.resolve("own"),
        systemNamespace: "knative-eventing",
      }),
    },
    [heldRow(row, { kind: "Channel", finalizer })],
  );
}
