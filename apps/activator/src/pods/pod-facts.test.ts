import type { Pod } from "@kelvin/kube";
import { describe, expect, test } from "@jest/globals";
import { podFacts, trimPod } from "./pod-facts.ts";

type Container = NonNullable<Pod["spec"]>["containers"][number];

function pod(
  user: Partial<Container> = {},
  more: { spec?: object; status?: object; containers?: Container[] } = {},
): Pod {
  const container = { name: "user-container", ports: [{ name: "user-port", containerPort: 9090 }], ...user };
  const containers = [container, ...(more.containers ?? [])];
  return {
    metadata: {
      name: "p",
      namespace: "default",
      uid: "u",
      labels: { "serving.knative.dev/revision": "r", other: "x" },
    },
    spec: { containers: containers.map((one) => ({ ...one, env: [{ name: "SECRET", value: "s" }] })), ...more.spec },
    status: {
      phase: "Running",
      podIP: "10.0.0.1",
      conditions: [{ type: "Ready", status: "False" }],
      containerStatuses: containers.map(({ name }) => ({
        name,
        image: "i",
        imageID: "",
        ready: false,
        restartCount: 0,
        containerID: `${name}-1`,
        state: { running: { startedAt: "2026-01-01T00:00:00Z" } },
      })),
      ...more.status,
    },
  };
}

const tcp = { readinessProbe: { tcpSocket: { port: 9090 } } };

describe("podFacts", () => {
  test("an address is that of the user container's port, and gone when the Pod is over", () => {
    expect(podFacts(pod())).toMatchObject({
      revision: "r",
      address: "10.0.0.1:9090",
      isReady: false,
      isTerminating: false,
    });
    expect(podFacts(pod({ ports: [] })).address).toBe("10.0.0.1:8080");
    expect(podFacts(pod({}, { status: { phase: "Succeeded" } })).address).toBeUndefined();
    expect(podFacts(pod({}, { status: { podIP: "" } })).address).toBeUndefined();
  });

  test("the container with the user port is the user's, whatever its name", () => {
    const sidecar = { name: "user-container", ports: [] };
    const facts = podFacts(pod({ name: "app", ...tcp }, { containers: [sidecar] }));
    expect(facts).toMatchObject({ address: "10.0.0.1:9090", containerId: "app-1" });
  });

  test("the readiness probe of the one container that has one may be asked early", () => {
    const probe = {
      readinessProbe: {
        httpGet: { path: "/ok", port: "user-port", httpHeaders: [{ name: "X", value: "1" }] },
        initialDelaySeconds: 2,
        successThreshold: 3,
      },
    };
    expect(podFacts(pod(probe)).earlyProbe).toMatchObject({
      kind: "http",
      host: "10.0.0.1",
      port: 9090,
      path: "/ok",
      headers: { X: "1" },
      containerId: "user-container-1",
      initialDelayMs: 2_000,
      successesNeeded: 3,
      timeoutMs: 1_000,
    });
    expect(podFacts(pod(tcp)).earlyProbe).toMatchObject({ kind: "tcp", port: 9090 });
    expect(podFacts(pod()).earlyProbe).toMatchObject({ kind: "tcp", port: 9090 });
  });

  test.each([
    ["an exec probe", pod({ readinessProbe: { exec: { command: ["true"] } } })],
    ["a gRPC probe", pod({ readinessProbe: { grpc: { port: 1 } } })],
    ["an HTTPS probe", pod({ readinessProbe: { httpGet: { port: 1, scheme: "HTTPS" } } })],
    ["a probe of another host", pod({ readinessProbe: { httpGet: { port: 1, host: "169.254.169.254" } } })],
    ["a startup probe", pod({ ...tcp, startupProbe: { tcpSocket: { port: 1 } } })],
    ["a readiness gate", pod(tcp, { spec: { readinessGates: [{ conditionType: "x" }] } })],
    ["a second container with a probe", pod(tcp, { containers: [{ name: "b", ...tcp }] })],
    ["a container that does not run yet", pod(tcp, { status: { containerStatuses: [] } })],
  ])("%s leaves it to kubelet", (_name, one) => {
    expect(podFacts(one).earlyProbe).toBeUndefined();
  });

  test("what is trimmed away makes no difference, and nothing of the user's stays", () => {
    const whole = pod(tcp);
    const trimmed = trimPod(whole);
    expect(podFacts(trimmed)).toEqual(podFacts(whole));
    expect(JSON.stringify(trimmed)).not.toContain("SECRET");
  });
});
