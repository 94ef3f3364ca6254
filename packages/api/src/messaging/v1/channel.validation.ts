import { validateDelivery } from "../../duck/destination.validation.ts";
import type { EventingAdmissionContext } from "../../eventing/context.ts";
import { differenceText } from "../../meta/equality.ts";
import { disallowedField, fieldError, missingField, viaField, type FieldError } from "../../meta/field-error.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { defaultChannel } from "./channel.defaults.ts";
import { Channel, type ChannelSpec, type ChannelTemplateSpec } from "./channel.types.ts";

type Context = Pick<EventingAdmissionContext<Channel>, "config" | "old">;

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateChannel(channel: Channel, context: Context): FieldError[] {
  const shapeErrors = specErrors(Channel, channel);
  if (shapeErrors.length > 0) return shapeErrors;
  const { channelTemplate, subscribers = [], delivery } = channel.spec ?? {};
  const errors = viaField(
    [
      ...(channelTemplate === undefined
        ? [missingField("channelTemplate")]
        : viaField(validateChannelTemplate(channelTemplate), "channelTemplate")),
      // By the name that the field had once, as Knative says it.
      ...(subscribers.length > 0 ? [disallowedField("subscribable.subscribers")] : []),
      ...viaField(validateDelivery(delivery, context.config.features), "delivery"),
    ],
    "spec",
  );
  return context.old === undefined ? errors : [...errors, ...validateChange(channel, context.old, context)];
}

/** What is wrong with what a channel is made of. */
export function validateChannelTemplate({ kind = "", apiVersion = "" }: ChannelTemplateSpec): FieldError[] {
  return [...(kind === "" ? [missingField("kind")] : []), ...(apiVersion === "" ? [missingField("apiVersion")] : [])];
}

// An object that was stored before there were defaults is compared as if it had them.
function validateChange(channel: Channel, stored: Channel, { config }: Context): FieldError[] {
  const old = structuredClone(stored);
  defaultChannel(old, { config });
  const difference = differenceText(fixedPart(old.spec), fixedPart(channel.spec));
  return difference === "" ? [] : [fieldError("Immutable fields changed (-old +new)", ["spec"], difference)];
}

function fixedPart({ channelTemplate, delivery }: ChannelSpec): object {
  return { channelTemplate, delivery };
}
