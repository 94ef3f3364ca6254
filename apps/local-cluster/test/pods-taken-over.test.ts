import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRunPods, reportOf, runInNamespaces, scriptWords, TIMEOUT_MS } from "./in-namespaces.ts";

const isPossible = canRunPods();
let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-taken-over-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

(isPossible ? describe : describe.skip)("Pods of an agent that is killed under load", () => {
  test(
    "run on under the next one: none starts again, goes unready or loses a line, and every exit code is right",
    () => {
      const codes = Array.from({ length: 24 }, (_, index) => [10 + index, String(10 + index)]);
      expect(reportOf(runInNamespaces(...scriptWords("pods-taken-over.ts", dataDir)))).toEqual({
        sameContainers: true,
        restarts: [0, 0, 0, 0],
        wentUnready: [],
        gaps: 0,
        lines: true,
        codes,
        shortRestarts: 0,
        // It was killed while nobody was there to see it.
        lastCode: 137,
      });
    },
    TIMEOUT_MS,
  );
});
