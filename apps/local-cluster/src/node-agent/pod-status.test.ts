import { describe, expect, test } from "@jest/globals";
import type { Pod } from "@kelvin/kube";
import {
  type ContainerRecord,
  newContainerRecord,
  recordBackoff,
  recordExit,
  recordProbe,
  recordStart,
} from "./container-record.ts";
import { makePodStatus, type PodStatus } from "./pod-status.ts";

const pod = (part: Partial<NonNullable<Pod["spec"]>> = {}, status: Pod["status"] = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name: "p", namespace: "ns" },
  spec: { containers: [{ name: "a", image: "dev.local/a" }], ...part },
  status,
});

const facts = {
  podIp: "10.44.0.2",
  hostIp: "10.44.0.1",
  startTime: "2026-01-01T00:00:00Z",
  now: "2026-01-01T00:00:09Z",
};
const statusOf = (
  object: Pod,
  containers: readonly ContainerRecord[],
  initContainers: readonly ContainerRecord[] = [],
): PodStatus =>
  makePodStatus({ pod: object, conditions: object.status?.conditions ?? [], containers, initContainers, ...facts });

const fresh = newContainerRecord("a");
const running = recordStart(fresh, { id: "1", startedAt: "2026-01-01T00:00:01Z", startedMs: 0 });
const ready = recordProbe(running, { isReady: true, isStarted: true });
const ended = (exitCode: number): ContainerRecord =>
  recordExit(running, { id: "1", exitCode, reason: "Error", startedAt: "", finishedAt: "" }, 10);

const conditionOf = (status: PodStatus, wanted: string): object | undefined =>
  status.conditions?.find(({ type }) => type === wanted);

describe("phase", () => {
  test.each([
    ["Pending before the start", "Always", fresh, "Pending"],
    ["Running when started", "Always", running, "Running"],
    ["Running while it waits for a restart", "Always", ended(1), "Running"],
    ["Running in back-off", "Always", recordBackoff(ended(1), 1_000, "p"), "Running"],
    ["Succeeded at the end under OnFailure", "OnFailure", ended(0), "Succeeded"],
    ["Failed at the end under Never", "Never", ended(3), "Failed"],
  ] as const)("%s", (...[, restartPolicy, record, phase]) => {
    expect(statusOf(pod({ restartPolicy }), [record]).phase).toBe(phase);
  });

  test("a stopped Pod that was to run for ever has failed or succeeded by its exit code", () => {
    const stopping = { ...pod(), metadata: { name: "p", deletionTimestamp: "2026-01-01T00:00:00Z" } };
    expect(statusOf(stopping, [ended(0)]).phase).toBe("Succeeded");
    expect(statusOf(stopping, [ended(143)]).phase).toBe("Failed");
  });
});

describe("conditions", () => {
  test("Ready names the containers that are not", () => {
    expect(conditionOf(statusOf(pod(), [running]), "Ready")).toMatchObject({
      status: "False",
      reason: "ContainersNotReady",
      message: "containers with unready status: [a]",
    });
    expect(conditionOf(statusOf(pod(), [ready]), "Ready")).toMatchObject({ status: "True" });
  });

  test("a transition time stays as long as the status does", () => {
    const before = [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:02Z" }];
    expect(conditionOf(statusOf(pod({}, { conditions: before }), [ready]), "Ready")).toMatchObject({
      lastTransitionTime: "2026-01-01T00:00:02Z",
    });
    expect(conditionOf(statusOf(pod({}, { conditions: before }), [running]), "Ready")).toMatchObject({
      lastTransitionTime: facts.now,
    });
  });

  test("conditions of others are kept, and a readiness gate counts", () => {
    const gated = pod({ readinessGates: [{ conditionType: "example.com/gate" }] });
    expect(conditionOf(statusOf(gated, [ready]), "Ready")).toMatchObject({
      status: "False",
      reason: "ReadinessGatesNotReady",
    });
    const open = { conditions: [{ type: "example.com/gate", status: "True" }] };
    const status = statusOf({ ...gated, status: open }, [ready]);
    expect(conditionOf(status, "Ready")).toMatchObject({ status: "True" });
    expect(conditionOf(status, "example.com/gate")).toMatchObject({ status: "True" });
  });
});

describe("init containers", () => {
  const initPod = (restartPolicy: string): Pod =>
    pod({ restartPolicy, initContainers: [{ name: "i", image: "dev.local/i" }] });
  const init = (record: ContainerRecord): ContainerRecord => ({ ...record, name: "i" });

  test("hold back the Pod until they have ended well", () => {
    const status = statusOf(initPod("Always"), [fresh], [init(running)]);
    expect(status.phase).toBe("Pending");
    expect(conditionOf(status, "Initialized")).toMatchObject({ message: "containers with incomplete status: [i]" });
    expect(status.containerStatuses?.[0]?.state?.waiting?.reason).toBe("PodInitializing");
    expect(conditionOf(statusOf(initPod("Always"), [ready], [init(ended(0))]), "Initialized")).toMatchObject({
      status: "True",
    });
  });

  test("end the Pod when one fails under Never", () => {
    expect(statusOf(initPod("Never"), [fresh], [init(ended(1))]).phase).toBe("Failed");
    expect(statusOf(initPod("OnFailure"), [fresh], [init(ended(1))]).phase).toBe("Pending");
  });
});

describe("container statuses", () => {
  test("a running container", () => {
    expect(statusOf(pod(), [ready]).containerStatuses).toEqual([
      {
        name: "a",
        image: "dev.local/a",
        imageID: "dev.local/a",
        containerID: "kelvin://1",
        ready: true,
        started: true,
        restartCount: 0,
        state: { running: { startedAt: "2026-01-01T00:00:01Z" } },
        lastState: {},
      },
    ]);
  });

  test("a container in back-off shows how its last run ended", () => {
    const [status] = statusOf(pod(), [recordBackoff(ended(137), 10_000, "p")]).containerStatuses ?? [];
    expect(status?.state?.waiting?.reason).toBe("CrashLoopBackOff");
    expect(status?.lastState?.terminated).toMatchObject({ exitCode: 137, containerID: "kelvin://1" });
  });
});

test.each([
  [{}, "BestEffort"],
  [{ requests: { cpu: "1" } }, "Burstable"],
  [{ limits: { cpu: "1", memory: "1Gi" } }, "Guaranteed"],
])("quality of service for %j", (resources, qosClass) => {
  expect(statusOf(pod({ containers: [{ name: "a", resources }] }), [ready]).qosClass).toBe(qosClass);
});

describe("sidecars", () => {
  const initContainers = [{ name: "s", image: "dev.local/s", restartPolicy: "Always" as const }];
  const withSidecar = pod({ restartPolicy: "Never", initContainers });
  const named = (record: ContainerRecord): ContainerRecord => ({ ...record, name: "s" });

  test("others wait until a sidecar has started, but not while it starts again", () => {
    expect(conditionOf(statusOf(withSidecar, [fresh], [named(running)]), "Initialized")).toMatchObject({
      status: "False",
    });
    expect(conditionOf(statusOf(withSidecar, [fresh], [named(ready)]), "Initialized")).toMatchObject({
      status: "True",
    });
    const again = statusOf(withSidecar, [ready], [named(ended(1))]);
    expect([again.phase, conditionOf(again, "Initialized")]).toMatchObject(["Running", { status: "True" }]);
    expect(conditionOf(again, "Ready")).toMatchObject({ status: "False" });
  });

  test("a Pod has succeeded when its sidecars have ended too, however they did", () => {
    expect(statusOf(withSidecar, [ended(0)], [named(ready)]).phase).toBe("Running");
    expect(statusOf(withSidecar, [ended(0)], [named(ended(143))]).phase).toBe("Succeeded");
  });
});

describe("ready of an init container", () => {
  const one = { name: "a", image: "dev.local/a" };

  test.each([
    ["once it has done its work", one, ended(0), true],
    ["not when it has failed", one, ended(1), false],
    ["not while it runs", one, running, false],
    ["as that of any container for a sidecar", { ...one, restartPolicy: "Always" }, ready, true],
    ["not for a sidecar that has ended", { ...one, restartPolicy: "Always" }, ended(0), false],
  ] as const)("%s", (...[, container, record, expected]) => {
    const object = pod({ initContainers: [container], containers: [{ name: "b", image: "dev.local/b" }] });
    const status = statusOf(object, [newContainerRecord("b")], [record]);
    expect(status.initContainerStatuses?.[0]?.ready).toBe(expected);
  });
});
