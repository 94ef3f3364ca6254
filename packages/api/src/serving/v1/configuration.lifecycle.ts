import { readyCondition } from "../../meta/conditions.ts";
import { initializeStatus } from "../../meta/status.ts";
import { Configuration, type ConfigurationStatus } from "./configuration.types.ts";
import { configurationReasons } from "./reasons.ts";

const set = Configuration.conditions;

/** Adds the conditions that are absent and returns the status. */
export function initializeConfiguration(configuration: Configuration, now: Date): ConfigurationStatus {
  return initializeStatus(Configuration, configuration, now) as ConfigurationStatus;
}

/** This Revision stands for the template now. Not ready until it is also the latest ready one. */
export function markLatestCreated(status: ConfigurationStatus, revisionName: string, now: Date): void {
  status.latestCreatedRevisionName = revisionName;
  if (status.latestReadyRevisionName !== revisionName) set.markUnknown(status, { type: readyCondition }, now);
}

/** This Revision is the newest that is ready; traffic may go to it. */
export function markLatestReady(status: ConfigurationStatus, revisionName: string, now: Date): void {
  status.latestReadyRevisionName = revisionName;
  if (status.latestCreatedRevisionName === revisionName) set.markTrue(status, { type: readyCondition }, now);
}

/** The latest created Revision failed. An older one that is ready stays the latest ready one. */
export function markLatestCreatedFailed(
  status: ConfigurationStatus,
  { revisionName, message }: { revisionName: string; message: string },
  now: Date,
): void {
  const text = `Revision "${revisionName}" failed with message: ${message}.`;
  set.markFalse(status, { type: readyCondition, reason: configurationReasons.revisionFailed, message: text }, now);
}

/** The Build whose image is to be run has not ended. What is there stays, and serves. */
export function markWaitingForBuild(status: ConfigurationStatus, message: string, now: Date): void {
  set.markUnknown(status, { type: readyCondition, reason: configurationReasons.waitingForBuild, message }, now);
}

/** The Build whose image is to be run has none to give. What is there stays, and serves. */
export function markBuildFailed(status: ConfigurationStatus, message: string, now: Date): void {
  set.markFalse(status, { type: readyCondition, reason: configurationReasons.buildFailed, message }, now);
}

/** The Revision could not be created at all. */
export function markRevisionCreationFailed(status: ConfigurationStatus, message: string, now: Date): void {
  const text = `Revision creation failed with message: ${message}.`;
  set.markFalse(status, { type: readyCondition, reason: configurationReasons.revisionFailed, message: text }, now);
}
