import { defaultDelivery } from "../../duck/destination.defaults.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { annotateSubscribable } from "./channel.defaults.ts";
import { InMemoryChannel } from "./in-memory-channel.types.ts";

/** Fills in what the author left out. Changes the object given; give it a copy. */
export function defaultInMemoryChannel(channel: InMemoryChannel): void {
  // The API server has not looked at its shape yet, and will say what is wrong with it better than a stack trace.
  if (specErrors(InMemoryChannel, channel).length > 0) return;
  annotateSubscribable(channel.metadata);
  channel.spec ??= {};
  defaultDelivery(channel.spec.delivery, channel.metadata.namespace);
}
