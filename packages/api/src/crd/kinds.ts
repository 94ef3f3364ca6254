import { PodAutoscaler } from "../autoscaling/v1alpha1/pod-autoscaler.types.ts";
import { BuildTemplate, ClusterBuildTemplate } from "../build/v1alpha1/build-template.types.ts";
import { Build } from "../build/v1alpha1/build.types.ts";
import { Bus, ClusterBus } from "../channels/v1alpha1/bus.types.ts";
import { Channel as BusChannel } from "../channels/v1alpha1/channel.types.ts";
import { Subscription as BusSubscription } from "../channels/v1alpha1/subscription.types.ts";
import { Broker } from "../eventing/v1/broker.types.ts";
import { Trigger } from "../eventing/v1/trigger.types.ts";
import { EventType } from "../eventing/v1beta3/event-type.types.ts";
import { Channel } from "../messaging/v1/channel.types.ts";
import { InMemoryChannel } from "../messaging/v1/in-memory-channel.types.ts";
import { Subscription } from "../messaging/v1/subscription.types.ts";
import type { CustomKind } from "../meta/custom-kind.ts";
import type { KubeObject } from "../meta/object-meta.ts";
import { Ingress } from "../networking/v1alpha1/ingress.types.ts";
import { Configuration } from "../serving/v1/configuration.types.ts";
import { Revision } from "../serving/v1/revision.types.ts";
import { Route } from "../serving/v1/route.types.ts";
import { Service } from "../serving/v1/service.types.ts";

/** Every kind that has a CustomResourceDefinition in deploy/base/crds. */
export const customKinds: readonly CustomKind<KubeObject>[] = [
  Service,
  Configuration,
  Revision,
  Route,
  PodAutoscaler,
  Ingress,
  Build,
  BuildTemplate,
  ClusterBuildTemplate,
];

/** Every kind of Eventing; their CustomResourceDefinitions are a base of their own, deploy/base/crds-eventing. */
export const eventingKinds: readonly CustomKind<KubeObject>[] = [
  Broker,
  Trigger,
  EventType,
  Channel,
  Subscription,
  InMemoryChannel,
  Bus,
  ClusterBus,
  BusChannel,
  BusSubscription,
];
