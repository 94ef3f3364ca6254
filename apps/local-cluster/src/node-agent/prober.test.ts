import { expect, test } from "@jest/globals";
import { fakeClock } from "@kelvin/testkit";
import type { ContainerSpec } from "./container-env.ts";
import { runProbes } from "./prober.ts";

/** Runs the probes of a container whose ports nobody listens on, and gives what was found after a time, by then. */
async function findAfter(container: Partial<ContainerSpec>, timesMs: readonly number[], isReady = false) {
  const clock = fakeClock();
  const over = new AbortController();
  const found: string[] = [];
  const seen: string[][] = [];
  const probing = runProbes({
    target: {
      podIp: "127.0.0.1",
      container: { name: "c", ...container },
      env: {},
      begun: () => Promise.resolve(),
      enter: () => [],
    },
    clock,
    known: { isStarted: isReady, isReady },
    findings: {
      onStarted: () => undefined,
      onReady: (ready) => found.push(ready ? "ready" : "unready"),
      onUnhealthy: (kind) => found.push(`${kind} unhealthy`),
      onFailure: (kind) => found.push(`${kind} failed`),
    },
    signal: over.signal,
  });
  for (const timeMs of timesMs) {
    await clock.advance(timeMs - clock.monotonicMs());
    seen.push([...found]);
  }
  over.abort();
  await clock.advance(1_000);
  await probing;
  return { seen, atTheEnd: found };
}

test("a container that nobody probes is ready when it has lived for half a second", async () => {
  expect((await findAfter({}, [499, 500])).seen).toEqual([[], ["ready"]]);
});

test("one that ends before is never ready", async () => {
  expect((await findAfter({}, [499])).atTheEnd).toEqual([]);
});

test("one that was ready before its agent began anew stays so", async () => {
  expect((await findAfter({}, [0], true)).seen).toEqual([["ready"]]);
});

test("liveness is not asked before the app had a period to come up", async () => {
  const livenessProbe = { exec: { command: [] }, periodSeconds: 2 };
  expect((await findAfter({ livenessProbe }, [1_999])).seen).toEqual([["ready"]]);
});
