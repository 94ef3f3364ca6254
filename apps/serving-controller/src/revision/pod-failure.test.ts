import { describe, expect, test } from "@jest/globals";
import type { Pod } from "@kelvin/kube";
import { findPodFailure } from "./pod-failure.ts";

type Status = NonNullable<Pod["status"]>;
type ContainerStatus = NonNullable<Status["containerStatuses"]>[number];

const pod = (status: Status, metadata: Pod["metadata"] = {}): Pod => ({ metadata, status });
const container = (parts: Partial<ContainerStatus>): Status => ({
  containerStatuses: [{ name: "user-container", image: "", imageID: "", ready: false, restartCount: 0, ...parts }],
});
const patient = { hasTimedOut: false, isAlwaysSchedulable: false };

describe("why pods do not run", () => {
  test("nothing is known of a pod that is starting", () => {
    const starting = container({ state: { waiting: { reason: "ContainerCreating" } } });
    expect(findPodFailure([pod(starting)], patient)).toBeUndefined();
  });

  test("an image that cannot be pulled is told at once", () => {
    const status = container({ state: { waiting: { reason: "ErrImagePull", message: "no such directory" } } });
    expect(findPodFailure([pod(status)], patient)).toEqual({
      problem: "waiting",
      reason: "ErrImagePull",
      message: "no such directory",
    });
  });

  test("any other wait only after the Deployment has given up", () => {
    const status = container({ state: { waiting: { reason: "PodInitializing" } } });
    expect(findPodFailure([pod(status)], patient)).toBeUndefined();
    expect(findPodFailure([pod(status)], { ...patient, hasTimedOut: true })).toMatchObject({
      reason: "PodInitializing",
    });
  });

  test("a container that ended says with which code and what it said last", () => {
    const lastState = { terminated: { exitCode: 3, message: "boom" } };
    const crashing = container({ state: { waiting: { reason: "CrashLoopBackOff" } }, lastState });
    expect(findPodFailure([pod(crashing)], patient)).toEqual({ problem: "exited", exitCode: 3, message: "boom" });
    const ended = container({ state: { terminated: { exitCode: 0 } } });
    expect(findPodFailure([pod(ended)], patient)).toEqual({ problem: "exited", exitCode: 0, message: "" });
  });

  test("an init container that has done its work is no failure", () => {
    const { containerStatuses: initContainerStatuses } = container({ state: { terminated: { exitCode: 0 } } });
    expect(findPodFailure([pod({ initContainerStatuses: initContainerStatuses ?? [] })], patient)).toBeUndefined();
  });

  test("a pod that fits nowhere", () => {
    const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable", message: "0/1 nodes" }];
    expect(findPodFailure([pod({ conditions })], patient)).toEqual({
      problem: "unschedulable",
      reason: "Unschedulable",
      message: "0/1 nodes",
    });
  });

  test("a pod that fits nowhere yet, where nodes appear as they are needed", () => {
    const conditions = [{ type: "PodScheduled", status: "False", reason: "Unschedulable" }];
    expect(findPodFailure([pod({ conditions })], { ...patient, isAlwaysSchedulable: true })).toBeUndefined();
  });

  test("pods that are going away say nothing", () => {
    const status = container({ lastState: { terminated: { exitCode: 137 } } });
    expect(findPodFailure([pod(status, { deletionTimestamp: "2026-01-01T00:00:00Z" })], patient)).toBeUndefined();
  });
});
