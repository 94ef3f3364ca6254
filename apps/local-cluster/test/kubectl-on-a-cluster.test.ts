import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRunPods, reportOf, runInNamespaces, scriptWords, TIMEOUT_MS } from "./in-namespaces.ts";

const hasKubectl = spawnSync("kubectl", ["version", "--client"]).status === 0;
if (!hasKubectl) process.stderr.write("no kubectl on PATH: its commands on a Pod are not tried\n");
const isPossible = hasKubectl && canRunPods();
let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-kubectl-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

(isPossible ? describe : describe.skip)("kubectl on a Pod", () => {
  test(
    "logs, exec and cp, and the exec of client-node",
    () => {
      expect(reportOf(runInNamespaces(...scriptWords("kubectl-on-a-cluster.ts", dataDir)))).toEqual({
        rollout: true,
        logs: "listening as undefined",
        logsByLabel: true,
        previous: expect.stringMatching(/previous terminated container "echo" in pod "echo-\S+" not found/),
        exec: "out\nerr",
        exitCode: "command terminated with exit code 7 (exit 7)",
        missing: expect.stringContaining("container none is not valid for pod"),
        copiedIn: "from outside",
        copiedOut: "from outside\n",
        clientNode: {
          out: "hello",
          err: "oops\n",
          reason: "NonZeroExitCode",
          causes: [{ reason: "ExitCode", message: "3" }],
        },
        token: 3,
        ready: true,
        node: "True",
        described: true,
        gone: "",
      });
    },
    TIMEOUT_MS,
  );
});
