import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRunPods, reportOf, runInNamespaces, scriptWords, TIMEOUT_MS } from "./in-namespaces.ts";

const isPossible = canRunPods();

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-jobs-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

(isPossible ? describe : describe.skip)("Jobs whose Pods run", () => {
  test(
    "end well in parts, fail, run out of time, and leave nothing behind",
    () => {
      const outcome = runInNamespaces(...scriptWords("jobs-on-a-cluster.ts", dataDir));
      expect(reportOf(outcome)).toEqual({
        ends: [
          { succeeded: 3, failed: 0, completedIndexes: "0-2", reason: "CompletionsReached" },
          { succeeded: 0, failed: 1, completedIndexes: "", reason: "BackoffLimitExceeded" },
          { succeeded: 0, failed: 1, completedIndexes: "", reason: "DeadlineExceeded" },
        ],
      });
    },
    TIMEOUT_MS,
  );
});
