import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRunPods, reportOf, runInNamespaces, scriptWords, TIMEOUT_MS } from "./in-namespaces.ts";

const isPossible = canRunPods();
let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-prepared-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

(isPossible ? describe : describe.skip)("an init container that is set apart before its turn", () => {
  test(
    "becomes the app if nothing has changed, leaves no trace before, and goes with its Pod and its agent",
    () => {
      expect(reportOf(runInNamespaces(...scriptWords("pods-prepared.ts", dataDir)))).toEqual({
        app: { first: "go", second: "red /shared the one that waited" },
        anew: { color: "blue", isAnother: true, isLeft: false },
        volumes: { mount: "go", path: "go", begin: "go" },
        isGone: true,
        agent: { isLeft: false, first: "go", isNext: true },
        failure: { before: "ContainerCreating", after: "ErrImagePull" },
        isNoneLeft: true,
      });
    },
    TIMEOUT_MS,
  );
});
