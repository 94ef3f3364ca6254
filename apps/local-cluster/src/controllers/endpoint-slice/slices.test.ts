import { describe, expect, test } from "@jest/globals";
import type { CoreService, EndpointSlice, Pod } from "@kelvin/kube";
import { decideSlices } from "./slices.ts";

const service: CoreService = {
  metadata: { name: "web", namespace: "default", uid: "service-uid", labels: { team: "a" } },
  spec: { selector: { app: "web" }, ports: [{ name: "http", port: 80, targetPort: "user-port" }] },
};

interface Traits {
  ready?: boolean;
  deleting?: boolean;
  phase?: string;
  podIP?: string;
  port?: number;
}

function pod(
  index: number,
  { ready = true, deleting = false, phase = "Running", podIP, port = 8080 }: Traits = {},
): Pod {
  const ip = podIP ?? `10.44.${Math.floor(index / 250)}.${index % 250}`;
  return {
    metadata: {
      name: `web-${index}`,
      namespace: "default",
      uid: `pod-${index}`,
      ...(deleting && { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    },
    spec: { nodeName: "node-1", containers: [{ name: "c", ports: [{ name: "user-port", containerPort: port }] }] },
    status: { phase, podIP: ip, conditions: [{ type: "Ready", status: ready ? "True" : "False" }] },
  };
}

function slicesAfter(pods: readonly Pod[], existing: readonly EndpointSlice[] = []): EndpointSlice[] {
  const { create, update, remove } = decideSlices(service, pods, existing);
  expect(new Set([...update, ...remove].map(({ metadata }) => metadata.name)).size).toBe(existing.length);
  return [...update, ...create];
}

const addresses = (slice: EndpointSlice): (string | undefined)[] =>
  (slice.endpoints ?? []).map((endpoint) => endpoint.addresses[0]);

describe("decideSlices", () => {
  test.each<[string, Traits, object]>([
    ["a ready pod", {}, { ready: true, serving: true, terminating: false }],
    ["a pod that is not ready", { ready: false }, { ready: false, serving: false, terminating: false }],
    ["a terminating pod that still serves", { deleting: true }, { ready: false, serving: true, terminating: true }],
  ])("conditions of %s", (_, traits, conditions) => {
    expect(slicesAfter([pod(1, traits)])[0]?.endpoints?.[0]?.conditions).toEqual(conditions);
  });

  test("publishNotReadyAddresses makes all ready", () => {
    const eager: CoreService = { ...service, spec: { ...service.spec, publishNotReadyAddresses: true } };
    const { create } = decideSlices(eager, [pod(1, { ready: false })], []);
    expect(create[0]?.endpoints?.[0]?.conditions).toEqual({ ready: true, serving: false, terminating: false });
  });

  test("finished pods and pods without an address are left out; no endpoints are one empty slice", () => {
    const slices = slicesAfter([pod(1, { phase: "Succeeded" }), pod(2, { podIP: "" })]);
    expect(slices.map(addresses)).toEqual([[]]);
  });

  test("a slice names pod, node, ports, service and owner", () => {
    expect(slicesAfter([pod(1)])[0]).toMatchObject({
      addressType: "IPv4",
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      endpoints: [
        { addresses: ["10.44.0.1"], nodeName: "node-1", targetRef: { kind: "Pod", name: "web-1", uid: "pod-1" } },
      ],
      metadata: {
        labels: {
          team: "a",
          "kubernetes.io/service-name": "web",
          "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        },
        ownerReferences: [{ kind: "Service", uid: "service-uid", controller: true }],
      },
    });
  });

  test("pods that give a port name different numbers get slices of their own", () => {
    const slices = slicesAfter([pod(1), pod(2, { port: 9090 })]);
    expect(slices.map((slice) => slice.ports?.[0]?.port)).toEqual([8080, 9090]);
  });

  test("250 endpoints are three slices with different names", () => {
    const slices = slicesAfter(Array.from({ length: 250 }, (_, index) => pod(index)));
    expect(slices.map((slice) => slice.endpoints?.length)).toEqual([100, 100, 50]);
    expect(new Set(slices.map(({ metadata }) => metadata.name)).size).toBe(3);
  });

  test("when one pod goes, the others stay where they are", () => {
    const pods = Array.from({ length: 250 }, (_, index) => pod(index));
    const before = slicesAfter(pods);
    const after = slicesAfter(pods.slice(1), before);
    expect(after.map(addresses)).toEqual([
      addresses(before[0] as EndpointSlice).slice(1),
      ...before.slice(1).map(addresses),
    ]);
  });

  test("a slice that has emptied goes while others are left", () => {
    const before = slicesAfter(Array.from({ length: 101 }, (_, index) => pod(index)));
    const { update, remove } = decideSlices(service, [pod(100)], before);
    expect([update.length, remove.length]).toEqual([1, 1]);
    expect(addresses(update[0] as EndpointSlice)).toEqual(["10.44.0.100"]);
  });

  test("the same again changes nothing", () => {
    const pods = Array.from({ length: 3 }, (_, index) => pod(index));
    const before = slicesAfter(pods);
    expect(slicesAfter(pods.toReversed(), before)).toEqual(before);
  });
});
