import { initializeStatus } from "../../meta/status.ts";
import { Bus, busConditions, type BusStatus, type ClusterBus } from "./bus.types.ts";
import { busReasons } from "./reasons.ts";

// v0.1 called a bus Ready once its Deployment was written, Pods or none. Here a Pod must be available.

const set = Bus.conditions;

/** A cause, for a condition that is not True. */
interface Cause {
  readonly reason: string;
  readonly message: string;
}

/** Adds the conditions that are absent and returns the status. */
export function initializeBus(bus: Bus | ClusterBus, now: Date): BusStatus {
  return initializeStatus(Bus, bus, now) as BusStatus;
}

/** Its Service leads to its dispatcher. */
export function markServiceable(status: BusStatus, service: string, now: Date): void {
  status.service = { name: service };
  set.markTrue(status, { type: busConditions.serviceable, reason: busReasons.serviceSynced }, now);
}

/** Its Service could not be made. */
export function markNotServiceable(status: BusStatus, { reason, message }: Cause, now: Date): void {
  delete status.service;
  set.markFalse(status, { type: busConditions.serviceable, reason, message }, now);
}

/** Its dispatcher runs. */
export function markDispatching(status: BusStatus, now: Date): void {
  set.markTrue(status, { type: busConditions.dispatching, reason: busReasons.deploymentSynced }, now);
}

/** Its dispatcher does not run. */
export function markNotDispatching(status: BusStatus, { reason, message }: Cause, now: Date): void {
  set.markFalse(status, { type: busConditions.dispatching, reason, message }, now);
}

/** Its provisioner runs. */
export function markProvisioning(status: BusStatus, now: Date): void {
  set.markTrue(status, { type: busConditions.provisioning, reason: busReasons.deploymentSynced }, now);
}

/** It has none, and needs none. */
export function markNoProvisioner(status: BusStatus, now: Date): void {
  set.markTrue(status, { type: busConditions.provisioning, reason: busReasons.noProvisioner }, now);
}

/** Its provisioner does not run. */
export function markNotProvisioning(status: BusStatus, { reason, message }: Cause, now: Date): void {
  set.markFalse(status, { type: busConditions.provisioning, reason, message }, now);
}
