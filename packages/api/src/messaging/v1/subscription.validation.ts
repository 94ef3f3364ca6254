import type { Destination, KReference } from "../../duck/destination.types.ts";
import {
  isEmptyDestination,
  validateDelivery,
  validateDestination,
  validateReference,
} from "../../duck/destination.validation.ts";
import type { EventingFeatures } from "../../eventing/config/features-config.ts";
import type { EventingAdmissionContext } from "../../eventing/context.ts";
import { differenceText } from "../../meta/equality.ts";
import { disallowedField, fieldError, missingField, viaField, type FieldError } from "../../meta/field-error.ts";
import { isSet } from "../../meta/field-mask.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { Subscription, type SubscriptionSpec } from "./subscription.types.ts";

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateSubscription(
  subscription: Subscription,
  { config, old }: Pick<EventingAdmissionContext<Subscription>, "config" | "old">,
): FieldError[] {
  const shapeErrors = specErrors(Subscription, subscription);
  if (shapeErrors.length > 0) return shapeErrors;
  const spec = subscription.spec ?? {};
  return [
    ...viaField(validateSpec(spec, config.features), "spec"),
    ...(old === undefined ? [] : validateChange(spec, old.spec ?? {})),
  ];
}

function validateSpec(
  { channel, subscriber, reply, delivery }: SubscriptionSpec,
  features: EventingFeatures,
): FieldError[] {
  return [
    ...validateChannelReference(channel, features),
    ...(subscriber === undefined || isEmptyDestination(subscriber)
      ? [{ ...missingField("subscriber"), details: "the Subscription must reference a subscriber" }]
      : viaField(validateDestination(subscriber, features), "subscriber")),
    ...validateReply(reply, features),
    ...viaField(validateDelivery(delivery, features), "delivery"),
  ];
}

function validateReply(reply: Destination | undefined, features: EventingFeatures): FieldError[] {
  if (reply === undefined || isEmptyDestination(reply)) return [];
  return viaField(validateDestination(reply, features), "reply");
}

function validateChannelReference(channel: KReference | undefined, features: EventingFeatures): FieldError[] {
  if (channel === undefined || !Object.values(channel).some(isSet)) {
    return [{ ...missingField("channel"), details: "the Subscription must reference a channel" }];
  }
  const errors = validateReference(channel, features);
  if ((channel.namespace ?? "") !== "" && features.crossNamespaceEventLinks === "Disabled") {
    errors.push({ ...disallowedField("namespace"), details: "only name, apiVersion and kind are supported fields" });
  }
  return viaField(errors, "channel");
}

function validateChange({ channel }: SubscriptionSpec, old: SubscriptionSpec): FieldError[] {
  const difference = differenceText({ channel: old.channel }, { channel });
  return difference === "" ? [] : [fieldError("Immutable fields changed (-old +new)", ["spec"], difference)];
}
