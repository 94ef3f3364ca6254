import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRunPods, reportOf, runInNamespaces, scriptWords, TIMEOUT_MS, toolEnv } from "./in-namespaces.ts";

/** Below those that `kelvin start` uses. */
const LOOPBACK_BLOCK = "62";
const isPossible = canRunPods();

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-pod-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

(isPossible ? describe : describe.skip)("Pods in namespaces", () => {
  test(
    "two Pods listen on one port, are reached by every name, restart after a kill and leave nothing behind",
    () => {
      const outcome = runInNamespaces(...scriptWords("pods-on-a-cluster.ts", dataDir, "namespaces"));
      // The way out of such a Pod is closed, and says so at once.
      expectGood(reportOf(outcome), ["ENOTFOUND", "ENOTFOUND", "ENETUNREACH"]);
    },
    TIMEOUT_MS,
  );
});

(process.platform === "linux" ? describe : describe.skip)("Pods on the loopback network", () => {
  test(
    "two Pods listen on one port, are reached by every name, restart after a kill and leave nothing behind",
    () => {
      const preload = join(import.meta.dirname, "..", "src", "network", "loopback", "preload.ts");
      const script = join(import.meta.dirname, "pods-on-a-cluster.ts");
      const args = ["--conditions=@kelvin/source", script, dataDir, "loopback", LOOPBACK_BLOCK];
      const outcome = spawnSync(process.execPath, args, {
        env: {
          ...toolEnv,
          NODE_OPTIONS: `--require=${JSON.stringify(preload)}`,
          KELVIN_LOOPBACK_BLOCK: LOOPBACK_BLOCK,
        },
        encoding: "utf8",
        timeout: TIMEOUT_MS,
        killSignal: "SIGKILL",
      });
      expectGood(reportOf(outcome), []);
    },
    TIMEOUT_MS,
  );
});

function expectGood(report: { podIps: string[] }, failures: readonly string[]): void {
  expect(report).toEqual({
    podIps: report.podIps,
    answeredIps: report.podIps,
    hasTokens: true,
    serviceAnswered: true,
    hostAnswered: true,
    // A Service by all its names, an ExternalName, the host, a headless Service and one Pod of it.
    fromPod: { reached: Array.from({ length: 8 }, () => "a Pod"), failures },
    lastExitCode: 137,
    isGone: true,
  });
  expect(new Set(report.podIps).size).toBe(2);
}
