import { forbiddenHostReason } from "../../duck/forbidden-host.ts";
import { dns1123SubdomainProblems } from "../../meta/dns-names.ts";
import { differenceText } from "../../meta/equality.ts";
import { fieldError, invalidValue, missingField, viaField, type FieldError } from "../../meta/field-error.ts";
import { specErrors } from "../../meta/schema-check.ts";
import { validateArguments } from "./channel.validation.ts";
import { targetUrl } from "./target.ts";
import { Subscription, type SubscriptionSpec } from "./subscription.types.ts";

/** What is wrong with a Subscription, and with its change from `old`. */
export function validateSubscription(
  subscription: Subscription,
  { old }: { readonly old?: Subscription } = {},
): FieldError[] {
  const shapeErrors = specErrors(Subscription, subscription);
  if (shapeErrors.length > 0) return shapeErrors;
  const spec = subscription.spec ?? {};
  return [
    ...viaField(
      [
        ...validateChannelName(spec.channel),
        ...((spec.subscriber ?? "") === ""
          ? [missingField("subscriber")]
          : validateTarget(spec.subscriber, "subscriber")),
        ...validateTarget(spec.replyTo, "replyTo"),
        ...validateArguments(spec.arguments),
      ],
      "spec",
    ),
    ...(old === undefined ? [] : validateChange(spec, old.spec ?? {})),
  ];
}

function validateChannelName(channel = ""): FieldError[] {
  if (channel === "") return [missingField("channel")];
  const problems = dns1123SubdomainProblems(channel);
  return problems.length === 0 ? [] : [invalidValue(channel, "channel", problems.join("; "))];
}

function validateTarget(target = "", field: string): FieldError[] {
  if (target === "") return [];
  const url = targetUrl(target, "ns");
  if (url === undefined) {
    return [invalidValue(target, field, "give the name of a Service, a host name, or an http or https URL")];
  }
  const problem = forbiddenHostReason(url.hostname);
  return problem === undefined ? [] : [invalidValue(target, field, problem)];
}

// v0.1 froze replyTo as well, for no reason that it gave; here it may change as the subscriber may.
function validateChange({ channel }: SubscriptionSpec, old: SubscriptionSpec): FieldError[] {
  const difference = differenceText({ channel: old.channel }, { channel });
  return difference === "" ? [] : [fieldError("Immutable fields changed (-old +new)", ["spec"], difference)];
}
