import { deadLetterSinkMarks, markEventPoliciesDisabled, setAddress } from "../../duck/delivery.lifecycle.ts";
import { initializeStatus } from "../../meta/status.ts";
import { Broker, brokerConditions, type BrokerStatus } from "./broker.types.ts";
import { brokerReasons } from "./reasons.ts";

const set = Broker.conditions;
const { ingressReady, triggerChannelReady, filterReady } = brokerConditions;

/** Adds the conditions that are absent, with those of what is not served, and returns the status. */
export function initializeBroker(broker: Broker, now: Date): BrokerStatus {
  const status = initializeStatus(Broker, broker, now) as BrokerStatus;
  markEventPoliciesDisabled(set, status, now);
  return status;
}

/** Marks of the dead-letter sink. */
export const brokerDeadLetterSink = deadLetterSinkMarks(set);

/** The data plane accepts the Broker's events. */
export function markIngressReady(status: BrokerStatus, now: Date): void {
  set.markTrue(status, { type: ingressReady }, now);
}

/** The data plane does not accept the Broker's events yet. */
export function markIngressUnknown(status: BrokerStatus, message: string, now: Date): void {
  set.markUnknown(status, { type: ingressReady, reason: brokerReasons.ingressFailed, message }, now);
}

/** The data plane cannot accept the Broker's events. */
export function markIngressFailed(status: BrokerStatus, message: string, now: Date): void {
  set.markFalse(status, { type: ingressReady, reason: brokerReasons.ingressFailed, message }, now);
}

/** Nobody serves the Broker's class, or the bus that its configuration names. */
export function markBrokerBusNotFound(status: BrokerStatus, message: string, now: Date): void {
  set.markFalse(status, { type: triggerChannelReady, reason: brokerReasons.busNotFound, message }, now);
}

/** The stream behind the Broker is provisioned at the bus. */
export function markTriggerChannelReady(status: BrokerStatus, now: Date): void {
  set.markTrue(status, { type: triggerChannelReady }, now);
}

/** The stream behind the Broker is being provisioned. */
export function markTriggerChannelUnknown(status: BrokerStatus, message: string, now: Date): void {
  set.markUnknown(status, { type: triggerChannelReady, reason: brokerReasons.missingBrokerChannel, message }, now);
}

/** The stream behind the Broker could not be provisioned. */
export function markTriggerChannelFailed(status: BrokerStatus, message: string, now: Date): void {
  set.markFalse(status, { type: triggerChannelReady, reason: brokerReasons.channelFailure, message }, now);
}

/** The Broker's configuration cannot be read. */
export function markChannelTemplateFailed(status: BrokerStatus, message: string, now: Date): void {
  set.markFalse(status, { type: triggerChannelReady, reason: brokerReasons.channelTemplateFailed, message }, now);
}

/** The data plane matches and delivers the Broker's events. */
export function markFilterReady(status: BrokerStatus, now: Date): void {
  set.markTrue(status, { type: filterReady }, now);
}

/** The data plane does not deliver the Broker's events yet. */
export function markFilterUnknown(status: BrokerStatus, message: string, now: Date): void {
  set.markUnknown(status, { type: filterReady, reason: brokerReasons.ingressFailed, message }, now);
}

/** Sets where the Broker takes events; undefined: nowhere. */
export function setBrokerAddress(status: BrokerStatus, url: string | undefined, now: Date): void {
  setAddress(set, status, { url, now });
}
