import type { Kind, KubeObject } from "@kelvin/api";
import {
  Bus,
  Channel as BusChannel,
  ClusterBus,
  Subscription as BusSubscription,
} from "@kelvin/api/channels/v1alpha1/kinds";
import { Broker, EventType, Trigger } from "@kelvin/api/eventing/v1/kinds";
import { Channel, InMemoryChannel, messagingLabels, Subscription } from "@kelvin/api/messaging/v1/kinds";
import type { Log } from "@kelvin/controller";
import {
  CoreService,
  Deployment,
  openInformer,
  RoleBinding,
  ServiceAccount,
  type Informer,
  type InformerOptions,
  type KubeClient,
} from "@kelvin/kube";
import { busLabels } from "../model/names.ts";
import { brokersOf, busesOf, busChannelsOf, channelsOf, indexes, uidOf } from "./informer-indexes.ts";

/** A live copy of everything that the reconcilers read all the time. */
export type Informers = ReturnType<typeof openInformers>;

/** What a reconciler may ask an informer's copy. It may lag behind, and what it returns must never be changed. */
export type Reader<T extends KubeObject> = Pick<Informer<T>, "get" | "list" | "byIndex">;

/** What is made for buses. */
const ofBuses = { labelSelector: busLabels.bus };

const byUid = { [indexes.uid]: uidOf };

/** Starts to list and watch. Services of other people are left out. */
export function openInformers({ kube, log }: { readonly kube: KubeClient; readonly log: Log }) {
  const open = <T extends KubeObject>(kind: Kind<T>, options: InformerOptions<T> = {}): Informer<T> =>
    openInformer(kube, kind, {
      ...options,
      onError: (err) => log.warn({ err, kind: kind.kind }, "Watching failed, trying again"),
    });
  return {
    channels: open(Channel, { indexes: byUid }),
    inMemoryChannels: open(InMemoryChannel, { indexes: byUid }),
    subscriptions: open(Subscription, { indexes: { ...byUid, [indexes.channel]: channelsOf } }),
    channelServices: open(CoreService, { labelSelector: messagingLabels.role }),
    brokers: open(Broker, { indexes: byUid }),
    triggers: open(Trigger, { indexes: { ...byUid, [indexes.broker]: brokersOf } }),
    eventTypes: open(EventType),
    buses: open(Bus),
    clusterBuses: open(ClusterBus),
    busChannels: open(BusChannel, { indexes: { ...byUid, [indexes.bus]: busesOf } }),
    busSubscriptions: open(BusSubscription, { indexes: { ...byUid, [indexes.channel]: busChannelsOf } }),
    busServices: open(CoreService, ofBuses),
    busDeployments: open(Deployment, ofBuses),
    busAccounts: open(ServiceAccount, ofBuses),
    busBindings: open(RoleBinding, ofBuses),
  };
}
