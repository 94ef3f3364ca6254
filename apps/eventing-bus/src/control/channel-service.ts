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

/** A Service that is another name of something. */
export interface ChannelAlias {
  readonly kind: CustomKind;
  /** What it belongs to. */
  readonly channel: KubeObject;
  readonly name: string;
  /** By which our informer finds it, and people tell whose it is. */
  readonly role: string;
  /** The host that it leads to. */
  readonly target: string;
}

/** Makes the Service exist that gives a channel its name. @throws NotOwnedError when somebody else's has that name. */
export function ensureChannelService(named: NamedChannel, deps: ChannelServiceDeps): Promise<void> {
  const { kind, channel, bus } = named;
  const name = channelServiceName(channel.metadata.name ?? "");
  const role = bus === stubBus ? "in-memory-channel" : `${bus}-channel`;
  return ensureAlias({ kind, channel, name, role, target: channelServiceTarget(bus, deps.systemNamespace) }, deps);
}

/** Makes such a Service exist and match. @throws NotOwnedError when somebody else's has that name. */
export async function ensureAlias(
  alias: ChannelAlias,
  deps: Omit<ChannelServiceDeps, "systemNamespace">,
): Promise<void> {
  const desired = makeAlias(alias);
  await ensureChild(
    {
      kind: CoreService,
      owner: alias.channel,
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
function makeAlias({ kind, channel, name, role, target }: ChannelAlias): CoreService {
  return {
    apiVersion: apiVersionOf(CoreService),
    kind: CoreService.kind,
    metadata: {
      name,
      namespace: channel.metadata.namespace ?? "",
      labels: { [messagingLabels.role]: role },
      ownerReferences: [makeOwnerReference(kind, channel)],
    },
    spec: {
      type: "ExternalName",
      externalName: target,
      sessionAffinity: "None",
      ports: [{ name: "http", port: 80, targetPort: 80, protocol: "TCP" }],
    },
  };
}
