import { expect, test } from "@jest/globals";
import type { Pod } from "@kelvin/kube";
import { decideVictims } from "./victims.ts";

interface Traits {
  node?: string;
  phase?: string;
  readyAt?: string;
  cost?: string;
  restarts?: number;
  createdAt?: string;
  uid?: string;
}

const nowMs = Date.parse("2026-01-01T12:00:00Z");

function pod(name: string, traits: Traits): Pod {
  const {
    node = "a",
    phase = "Running",
    readyAt,
    cost,
    restarts = 0,
    createdAt = "2026-01-01T11:00:00Z",
    uid = name,
  } = traits;
  return {
    metadata: {
      name,
      uid,
      creationTimestamp: createdAt,
      ...(cost !== undefined && { annotations: { "controller.kubernetes.io/pod-deletion-cost": cost } }),
    },
    spec: { containers: [], ...(node !== "" && { nodeName: node }) },
    status: {
      phase,
      containerStatuses: [{ name: "c", image: "", imageID: "", ready: true, restartCount: restarts }],
      conditions: readyAt === undefined ? [] : [{ type: "Ready", status: "True", lastTransitionTime: readyAt }],
    },
  };
}

const ready = "2026-01-01T11:30:00Z";
const rows: [rule: string, victim: Traits, survivor: Traits][] = [
  ["unassigned before assigned", { node: "", phase: "Pending", cost: "100" }, { phase: "Pending" }],
  ["pending before running", { phase: "Pending", cost: "100" }, {}],
  ["unknown before running", { phase: "Unknown", cost: "100" }, {}],
  ["not ready before ready", { cost: "100" }, { readyAt: ready }],
  ["cheaper before dearer", { readyAt: ready, cost: "-5" }, { readyAt: "2026-01-01T11:59:59Z" }],
  ["a cost that is no number counts as none", { readyAt: ready, cost: "+5" }, { readyAt: ready, cost: "1" }],
  ["the fuller node first", { readyAt: ready, node: "full" }, { readyAt: "2026-01-01T11:59:59Z" }],
  [
    "ready for a shorter time first",
    { readyAt: "2026-01-01T11:59:00Z" },
    { readyAt: "2026-01-01T11:00:00Z", restarts: 9 },
  ],
  [
    "about as long ready: by uid",
    { readyAt: "2026-01-01T11:00:00Z", uid: "a" },
    { readyAt: "2026-01-01T11:00:01Z", uid: "b" },
  ],
  ["restarted more often first", { readyAt: ready, restarts: 3 }, { readyAt: ready, restarts: 1 }],
  ["younger first", { createdAt: "2026-01-01T11:59:00Z" }, { createdAt: "2026-01-01T11:00:00Z" }],
];

test.each(rows)("%s", (_, victim, survivor) => {
  const podCountOn = (node: string): number => (node === "full" ? 2 : 1);
  const pods = [pod("survivor", survivor), pod("victim", victim)];
  for (const order of [pods, pods.toReversed()]) {
    expect(decideVictims(order, 1, { nowMs, podCountOn }).map(({ metadata }) => metadata.name)).toEqual(["victim"]);
  }
});
