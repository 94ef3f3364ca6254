import { expect, test } from "@jest/globals";
import type { KubeClient, Pod } from "@kelvin/kube";
import type { ActivatorClient } from "../activators/activator-client.ts";
import { openReportLedger } from "../reports/report-ledger.ts";
import { applyScale, type ScaleDeps, type ScaleOrder } from "./scale.ts";
import { openScaleBook, type ScaleEntry } from "./scale-book.ts";

function pod(name: string): Pod {
  return {
    metadata: { name, namespace: "default", labels: { "serving.knative.dev/revision": "r" } },
    status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] },
  };
}

/** Two activators and an API server that write down what they are asked. */
function makeWorld(answers: { inFlight?: Record<string, number>; holding?: boolean; isDeaf?: boolean } = {}) {
  const calls: string[] = [];
  const answer = <T>(call: string, reply: T): Promise<T> => {
    calls.push(call);
    return answers.isDeaf === true ? Promise.reject(new Error("connect refused")) : Promise.resolve(reply);
  };
  const client: ActivatorClient = {
    cordon: ({ name }, { pods }) => answer(`${name} cordon ${pods.join()}`, { inFlight: answers.inFlight ?? {} }),
    uncordon: ({ name }, { pods }) => answer(`${name} uncordon ${pods.join()}`, { inFlight: {} }),
    hold: ({ name }) => answer(`${name} hold`, { holding: answers.holding ?? true }),
  };
  const patch: KubeClient["patch"] = (kind, key, body) => {
    calls.push(`patch ${kind.kind} ${key.name} ${JSON.stringify(body.body)}`);
    return Promise.resolve({ metadata: {} } as never);
  };
  const activators = ["a", "b"].map((name) => ({ name, host: `${name}:1`, isReady: true }));
  const deps: ScaleDeps = { kube: { patch }, client, activators, nowMs: 1000 };
  return { calls, deps, answers };
}

function order(change: Partial<ScaleOrder>): ScaleOrder {
  const ledger = openReportLedger(() => 0);
  return {
    namespace: "default",
    revision: "r",
    deployment: "r-deployment",
    podCountCurrent: 3,
    podCountServing: 3,
    podCount: 3,
    pods: ["p", "q", "r"].map(pod),
    load: ledger.load("default/r"),
    ...change,
  };
}

function entry(): ScaleEntry {
  return openScaleBook().entry("default/r", { nowMs: 0, podCountReady: 0 });
}

const setTo = (podCount: number): string => `patch Deployment r-deployment {"spec":{"replicas":${podCount}}}`;

test("more pods: at once, nobody is asked", async () => {
  const { calls, deps } = makeWorld();
  expect(await applyScale(order({ podCount: 5 }), entry(), deps)).toBe("settled");
  expect(calls).toEqual([setTo(5)]);
});

test("fewer pods: cordoned at every activator, marked, then deleted", async () => {
  const { calls, deps } = makeWorld();
  expect(await applyScale(order({ podCount: 2 }), entry(), deps)).toBe("settled");
  expect(calls).toEqual([
    "a cordon p",
    "b cordon p",
    'patch Pod p {"metadata":{"annotations":{"controller.kubernetes.io/pod-deletion-cost":"-1000000"}}}',
    setTo(2),
  ]);
});

test("a pod with something in flight is waited for, the scale stays", async () => {
  const { calls, deps } = makeWorld({ inFlight: { p: 1 } });
  expect(await applyScale(order({ podCount: 2 }), entry(), deps)).toBe("draining");
  expect(calls.filter((call) => call.startsWith("patch"))).toEqual([]);
});

test("after a minute of waiting the pod goes all the same", async () => {
  const { calls, deps } = makeWorld({ inFlight: { p: 1 } });
  const memory = entry();
  await applyScale(order({ podCount: 2 }), memory, deps);
  expect(await applyScale(order({ podCount: 2 }), memory, { ...deps, nowMs: 61_001 })).toBe("settled");
  expect(calls.at(-1)).toBe(setTo(2));
});

test("load came back while draining: uncordoned, the scale was never lowered", async () => {
  const { calls, deps } = makeWorld({ inFlight: { p: 1 } });
  const memory = entry();
  await applyScale(order({ podCount: 2 }), memory, deps);
  await applyScale(order({ podCount: 3 }), memory, deps);
  expect(calls.slice(2)).toEqual(["a uncordon p", "b uncordon p"]);
});

test("to zero: only when every activator holds", async () => {
  const yes = makeWorld();
  expect(await applyScale(order({ podCount: 0 }), entry(), yes.deps)).toBe("settled");
  expect(yes.calls).toEqual(["a hold", "b hold", setTo(0)]);
  const no = makeWorld({ holding: false });
  expect(await applyScale(order({ podCount: 0 }), entry(), no.deps)).toBe("refused");
  expect(no.calls).toEqual(["a hold", "b hold"]);
});

test("nothing serves: zero without asking", async () => {
  const { calls, deps } = makeWorld({ holding: false });
  await applyScale(order({ podCount: 0, podCountServing: 0 }), entry(), deps);
  expect(calls).toEqual([setTo(0)]);
});

test("an activator that does not answer keeps the scale up", async () => {
  const { calls, deps } = makeWorld({ isDeaf: true });
  await expect(applyScale(order({ podCount: 2 }), entry(), deps)).rejects.toThrow("connect refused");
  await expect(applyScale(order({ podCount: 0 }), entry(), deps)).rejects.toThrow("connect refused");
  expect(calls.filter((call) => call.startsWith("patch"))).toEqual([]);
});

test("the idlest pods go first", async () => {
  const { calls, deps } = makeWorld();
  const load = {
    ...order({}).load,
    pods: new Map([
      ["p", 3],
      ["q", 1],
    ]),
  };
  await applyScale(order({ podCount: 1, load }), entry(), deps);
  expect(calls[0]).toBe("a cordon r,q");
});
