import { validateDelivery } from "../../duck/destination.validation.ts";
import type { SubscriberSpec } from "../../duck/destination.types.ts";
import type { EventingAdmissionContext } from "../../eventing/context.ts";
import { eventingAnnotations, eventingControllerUser } from "../../eventing/v1/labels.ts";
import { differenceText } from "../../meta/equality.ts";
import { fieldError, invalidValue, missingField, viaField, type FieldError } from "../../meta/field-error.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { InMemoryChannel } from "./in-memory-channel.types.ts";

type Context = EventingAdmissionContext<InMemoryChannel>;

/** What is wrong with the object, and with its change from `context.old`. Default it first. */
export function validateInMemoryChannel(channel: InMemoryChannel, context: Context): FieldError[] {
  const shapeErrors = specErrors(InMemoryChannel, channel);
  if (shapeErrors.length > 0) return shapeErrors;
  const { subscribers = [], delivery } = channel.spec ?? {};
  return [
    ...viaField(subscribers.flatMap(validateSubscriber), "spec", "subscribable"),
    ...viaField(validateDelivery(delivery, context.config.features), "spec", "delivery"),
    ...validateScope(channel),
    ...(context.old === undefined ? [] : validateSubscribersChange(channel, context.old, context)),
  ];
}

// The paths are those that Knative's fields had once.
function validateSubscriber({ subscriberUri = "", replyUri = "" }: SubscriberSpec, index: number): FieldError[] {
  if (subscriberUri !== "" || replyUri !== "") return [];
  const error = { ...missingField("replyURI", "subscriberURI"), details: "expected at least one of, got none" };
  return viaField([error], `subscriber[${index}]`);
}

function validateScope({ metadata }: InMemoryChannel): FieldError[] {
  const key = eventingAnnotations.scope;
  const scope = metadata.annotations?.[key];
  if (scope === undefined || scope === "cluster" || scope === "namespace") return [];
  return [invalidValue(scope, `metadata.annotations[${key}]`, "expected either 'cluster' or 'namespace'")];
}

// Subscribers are the controller's: whoever else could write them would receive events without a Subscription that anybody sees.
function validateSubscribersChange(
  channel: InMemoryChannel,
  old: InMemoryChannel,
  { userInfo, controllerUsers = [eventingControllerUser] }: Context,
): FieldError[] {
  const userName = userInfo?.username ?? "";
  if (controllerUsers.includes(userName)) return [];
  const difference = differenceText({ subscribers: old.spec?.subscribers }, { subscribers: channel.spec?.subscribers });
  if (difference === "") return [];
  const message = `Channel.Spec.Subscribers changed by user ${userName} which was not the ${controllerUsers.join(", ")} service account`;
  return [fieldError(message, ["spec.subscribers"], difference)];
}
