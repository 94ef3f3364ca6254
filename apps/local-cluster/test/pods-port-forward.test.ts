import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRunPods, reportOf, runInNamespaces, scriptWords, TIMEOUT_MS } from "./in-namespaces.ts";

const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;
if (!hasKubectl) process.stderr.write("no port was forwarded: kubectl is missing\n");
const isPossible = canRunPods() && hasKubectl;

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-forward-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

(isPossible ? describe : describe.skip)("kubectl port-forward and attach", () => {
  test(
    "join connections to a port of a Pod and show its output; what nobody listens to is said",
    () => {
      const outcome = runInNamespaces(...scriptWords("pods-port-forward.ts", dataDir));
      expect(reportOf(outcome)).toEqual({
        isPod: true,
        refusal: true,
        attachCode: 0,
        attached: true,
        hasNoGap: true,
      });
    },
    TIMEOUT_MS,
  );
});
