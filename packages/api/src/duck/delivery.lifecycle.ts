import { authenticationFeatureKey } from "../eventing/config/features-config.ts";
import type { ConditionedStatus, ConditionSet } from "../meta/conditions.ts";
import { commonReasons } from "../eventing/v1/reasons.ts";
import type { Addressable, DeliveryStatus } from "./destination.types.ts";
import type { ResolvedDestination } from "./destination.resolution.ts";

// What the conditions of several kinds have in common. Each kind's lifecycle binds these to its own set.

/** A status that says where dead letters go. */
export interface DeadLetterStatus extends ConditionedStatus, DeliveryStatus {}

/** A status with an address. */
export interface AddressStatus extends ConditionedStatus {
  address?: Addressable;
  addresses?: Addressable[];
}

/** The marks of condition DeadLetterSinkResolved. All of them change the address in the status too. */
export interface DeadLetterSinkMarks {
  resolved(status: DeadLetterStatus, sink: ResolvedDestination, now: Date): void;
  /** There is none; True, for none is needed. */
  notConfigured(status: DeadLetterStatus, now: Date): void;
  /** It is known where it should be, but not what address that has. The former address is forgotten. */
  failed(status: DeadLetterStatus, message: string, now: Date): void;
}

/** Binds the marks of DeadLetterSinkResolved to a kind's conditions. */
export function deadLetterSinkMarks(set: ConditionSet): DeadLetterSinkMarks {
  const type = "DeadLetterSinkResolved";
  return {
    resolved(status, { url, CACerts, audience }, now) {
      forgetSink(status);
      status.deadLetterSinkUri = url;
      if (CACerts !== undefined) status.deadLetterSinkCACerts = CACerts;
      if (audience !== undefined) status.deadLetterSinkAudience = audience;
      set.markTrue(status, { type }, now);
    },
    notConfigured(status, now) {
      forgetSink(status);
      const reason = commonReasons.deadLetterSinkNotConfigured;
      set.markTrue(status, { type, reason, message: "No dead letter sink is configured." }, now);
    },
    failed(status, message, now) {
      forgetSink(status);
      set.markFalse(status, { type, reason: commonReasons.deadLetterSinkResolveFailed, message }, now);
    },
  };
}

function forgetSink(status: DeadLetterStatus): void {
  delete status.deadLetterSinkUri;
  delete status.deadLetterSinkCACerts;
  delete status.deadLetterSinkAudience;
}

/** Sets the address and condition Addressable. Undefined: there is none. */
export function setAddress(
  set: ConditionSet,
  status: AddressStatus,
  { url, now }: { readonly url: string | undefined; readonly now: Date },
): void {
  if (url === undefined || url === "") {
    delete status.address;
    delete status.addresses;
    const mark = { type: "Addressable", reason: commonReasons.emptyHostname, message: "hostname is the empty string" };
    set.markFalse(status, mark, now);
    return;
  }
  status.address = { name: "http", url };
  status.addresses = [{ name: "http", url }];
  set.markTrue(status, { type: "Addressable" }, now);
}

/** EventPolicies are not served, so none stands in the way. */
export function markEventPoliciesDisabled(set: ConditionSet, status: ConditionedStatus, now: Date): void {
  const message = `Feature "${authenticationFeatureKey}" must be enabled to support Authorization`;
  set.markTrue(status, { type: "EventPoliciesReady", reason: commonReasons.oidcDisabled, message }, now);
}

/** OIDC is not served, so no identity is needed. */
export function markIdentityDisabled(set: ConditionSet, status: ConditionedStatus, now: Date): void {
  // With blanks, as Knative has it and its users compare it.
  const reason = `${authenticationFeatureKey} feature disabled`;
  set.markTrue(status, { type: "OIDCIdentityCreated", reason }, now);
}
