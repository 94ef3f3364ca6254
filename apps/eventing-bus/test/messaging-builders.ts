import type { KubeObject } from "@kelvin/api";
import type { Channel, InMemoryChannel, Subscription } from "@kelvin/api/messaging/v1/kinds";
import { CoreService } from "@kelvin/kube";
import { coreService, ownedBy, withLabels, type Change } from "@kelvin/testkit";
import { changed, metadataOf } from "./object-builder.ts";

// Objects as admission leaves them.

const annotations = { "messaging.knative.dev/subscribable": "v1" };

/** A Channel that is made of an InMemoryChannel. */
export function channel(name: string, ...changes: Change<Channel>[]): Channel {
  const object: Channel = {
    apiVersion: "messaging.knative.dev/v1",
    kind: "Channel",
    metadata: { ...metadataOf("channel", name), annotations },
    spec: { channelTemplate: { apiVersion: "messaging.knative.dev/v1", kind: "InMemoryChannel" } },
  };
  return changed(object, changes);
}

/** Makes a Channel one that the bus `nats` serves in place. */
export const onNats: Change<Channel> = ({ spec }) => {
  spec.channelTemplate = { apiVersion: "messaging.knative.dev/v1alpha1", kind: "NatsJetStreamChannel" };
};

/** An InMemoryChannel without subscribers. */
export function inMemoryChannel(name: string, ...changes: Change<InMemoryChannel>[]): InMemoryChannel {
  const object: InMemoryChannel = {
    apiVersion: "messaging.knative.dev/v1",
    kind: "InMemoryChannel",
    metadata: { ...metadataOf("inmemorychannel", name), annotations },
    spec: {},
  };
  return changed(object, changes);
}

/** A Subscription of the Channel `orders`, with a subscriber that needs no looking up. */
export function subscription(name: string, ...changes: Change<Subscription>[]): Subscription {
  const object: Subscription = {
    apiVersion: "messaging.knative.dev/v1",
    kind: "Subscription",
    metadata: metadataOf("subscription", name),
    spec: {
      channel: { apiVersion: "messaging.knative.dev/v1", kind: "Channel", name: "orders" },
      subscriber: { uri: "http://sink.example/" },
    },
  };
  return changed(object, changes);
}

/** Names the channel of a Subscription by another kind. */
export function ofChannelKind(kind: string): Change<Subscription> {
  return ({ spec }) => {
    spec.channel = { ...spec.channel, kind };
  };
}

/** The Service that gives a channel its name. */
export function channelService(owner: KubeObject, role: string, externalName: string): CoreService {
  const service = coreService(
    `${owner.metadata.name ?? ""}-kn-channel`,
    withLabels({ "messaging.knative.dev/role": role }),
    ownedBy(owner),
  );
  service.spec = {
    type: "ExternalName",
    externalName,
    sessionAffinity: "None",
    ports: [{ name: "http", port: 80, targetPort: 80, protocol: "TCP" }],
  };
  return service;
}
