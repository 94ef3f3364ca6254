import { defaultDelivery } from "../../duck/destination.defaults.ts";
import { channelTemplateFor } from "../../eventing/config/channel-config.ts";
import type { EventingAdmissionContext } from "../../eventing/context.ts";
import type { ObjectMeta } from "../../meta/object-meta.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { Channel } from "./channel.types.ts";
import { messagingAnnotations } from "./labels.ts";

/**
 * Fills in what the author left out. Changes the object given; give it a copy. The template comes from the stored object if there is
 * one, lest a new default look like a change.
 */
export function defaultChannel(
  channel: Channel,
  { config, old }: Pick<EventingAdmissionContext<Channel>, "config" | "old">,
): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(Channel, channel).length > 0) return;
  const { namespace = "" } = channel.metadata;
  annotateSubscribable(channel.metadata);
  const spec = (channel.spec ??= {});
  spec.channelTemplate ??= structuredClone(
    old?.spec?.channelTemplate ?? { ...channelTemplateFor(config.channelDefaults, namespace) },
  );
  defaultDelivery(spec.delivery, channel.metadata.namespace);
}

/** Says which form of subscribers a channel has, in place. */
export function annotateSubscribable(metadata: ObjectMeta): void {
  const key = messagingAnnotations.subscribable;
  if (metadata.annotations?.[key] === undefined) metadata.annotations = { ...metadata.annotations, [key]: "v1" };
}
