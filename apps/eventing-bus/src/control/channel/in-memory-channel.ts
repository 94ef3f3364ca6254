import { apiVersionOf, makeOwnerReference } from "@kelvin/api";
import { Channel, InMemoryChannel, type InMemoryChannelSpec } from "@kelvin/api/messaging/v1";
import { ensureChild, mergeKeepingForeign } from "@kelvin/controller";
import { keyOf } from "@kelvin/kube";
import type { ChannelDeps } from "./reconcile.ts";

/** Makes the InMemoryChannel of a Channel exist and match. @throws NotOwnedError when somebody else's has its name. */
export async function ensureInMemoryChannel(channel: Channel, deps: ChannelDeps): Promise<InMemoryChannel> {
  const desired = makeInMemoryChannel(channel);
  return ensureChild(
    {
      kind: InMemoryChannel,
      owner: channel,
      desired,
      existing: deps.inMemoryChannels.get(keyOf(desired)),
      merge: (existing) => mergeKeepingForeign(existing, { ...desired, spec: withSubscribers(desired.spec, existing) }),
      markNotOwned: () => undefined,
    },
    deps,
  );
}

/** An InMemoryChannel has nothing that a template could set but the delivery, which is the Channel's. Pure. */
export function makeInMemoryChannel(channel: Channel): InMemoryChannel {
  const { name = "", namespace = "" } = channel.metadata;
  const { delivery } = channel.spec;
  return {
    apiVersion: apiVersionOf(InMemoryChannel),
    kind: InMemoryChannel.kind,
    metadata: { name, namespace, ownerReferences: [makeOwnerReference(Channel, channel)] },
    spec: delivery === undefined ? {} : { delivery },
  };
}

/** Whoever writes subscribers there, it is not the Channel. */
function withSubscribers(spec: InMemoryChannelSpec, existing: InMemoryChannel): InMemoryChannelSpec {
  const { subscribers } = existing.spec;
  return subscribers === undefined ? spec : { ...spec, subscribers };
}
