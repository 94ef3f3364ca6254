import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRunPods, reportOf, runInNamespaces, scriptWords, TIMEOUT_MS } from "./in-namespaces.ts";

const isPossible = canRunPods();
let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-lifecycle-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

(isPossible ? describe : describe.skip)("the life of a Pod", () => {
  test(
    "init containers, sidecars, hooks, deadlines, limits, environment and restarts are as Kubernetes has them",
    () => {
      expect(reportOf(runInNamespaces(...scriptWords("pods-lifecycle.ts", dataDir)))).toEqual({
        init: {
          phase: "Succeeded",
          containers: {
            one: "0 Completed",
            sidecar: "0 Completed",
            two: "0 Completed",
            main: "0 Completed one,sidecar,two",
          },
        },
        failed: { phase: "Failed", containers: { step: "3 Error no source", main: " " } },
        hold: { phase: "Succeeded", containers: { first: "0 Completed", second: "0 Completed" } },
        stop: {
          exec: "0 Completed ended",
          sleep: "0 Completed ended",
          http: "0 Completed",
          watcher: "0 Completed seen",
        },
        late: {
          phase: "Failed",
          reason: "DeadlineExceeded",
          message: "Pod was active on the node longer than the specified deadline",
          containers: { main: "143 Error" },
        },
        full: {
          phase: "Failed",
          reason: "Evicted",
          message: 'Usage of EmptyDir volume "shared" exceeds the limit "1Mi". ',
          // SIGTERM and SIGKILL follow each other at once.
          containers: { main: expect.stringMatching(/^1(37|43) Error$/) },
          event: "Warning",
        },
        variables: "red hush 64 x $(WORD) $(MISSING)",
        names: "nameserver 192.0.2.1\nsearch shop.example\n10.1.2.3 old\n",
        again: { last: 5, phase: "Running" },
      });
    },
    TIMEOUT_MS,
  );
});
