import { apiVersionOf, makeOwnerReference, type CustomKind } from "@kelvin/api";
import { messagingLabels } from "@kelvin/api/messaging/v1";
import { ensureChild, mergeKeepingForeign, type ChildDeps } from "@kelvin/controller";
import { CoreService, keyOf, type KubeObject } from "@kelvin/kube";
import { channelServiceName, channelServiceTarget, stubBus } from "../model/names.ts";
import type { Reader } from "./informers.ts";

/** The channel that a Service names. */
export interface NamedChannel {
  readonly kind: CustomKind;
  readonly channel: KubeObject;
  /** The bus that serves it. */
  readonly bus: string;
}

export interface ChannelServiceDeps extends ChildDeps {
  readonly channelServices: Reader<CoreService>;
  readonly systemNamespace: string;
}

/** Makes the Service exist that gives a channel its name. @throws NotOwnedError when somebody else's has that name. */
export async function ensureChannelService(named: NamedChannel, deps: ChannelServiceDeps): Promise<void> {
  const desired = makeChannelService(named, deps.systemNamespace);
  await ensureChild(
    {
      kind: CoreService,
      owner: named.channel,
      desired,
      existing: deps.channelServices.get(keyOf(desired)),
      // What the API server fills in is left to it.
      merge: (existing) =>
        mergeKeepingForeign(existing, { ...desired, spec: { ...existing.spec, ...desired.spec } } as CoreService),
      markNotOwned: () => undefined,
    },
    deps,
  );
}

/** An alias of the bus, which then finds the channel by the Host that the sender gave. Pure. */
export function makeChannelService({ kind, channel, bus }: NamedChannel, systemNamespace: string): CoreService {
  const { name = "", namespace = "" } = channel.metadata;
  return {
    apiVersion: apiVersionOf(CoreService),
    kind: CoreService.kind,
    metadata: {
      name: channelServiceName(name),
      namespace,
      labels: { [messagingLabels.role]: bus === stubBus ? "in-memory-channel" : `${bus}-channel` },
      ownerReferences: [makeOwnerReference(kind, channel)],
    },
    spec: {
      type: "ExternalName",
      externalName: channelServiceTarget(bus, systemNamespace),
      sessionAffinity: "None",
      ports: [{ name: "http", port: 80, targetPort: 80, protocol: "TCP" }],
    },
  };
}
