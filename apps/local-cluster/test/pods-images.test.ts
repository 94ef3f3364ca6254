import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRunPods, reportOf, runInNamespaces, scriptWords, TIMEOUT_MS, toolEnv } from "./in-namespaces.ts";

const hasRegistry = spawnSync("docker-registry", ["--version"], { env: toolEnv }).status === 0;
if (!hasRegistry) process.stderr.write("no image was pulled: the program docker-registry is missing\n");
const isPossible = canRunPods() && hasRegistry;

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-images-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

(isPossible ? describe : describe.skip)("Pods from images of a registry", () => {
  test(
    "are pulled with the Secrets of the Pod or its ServiceAccount, by policy and by digest, and say why not",
    () => {
      const { stdout, stderr } = runInNamespaces(...scriptWords("pods-images.ts", dataDir));
      const waits = (reasons: string[], message: string): object => ({
        reasons,
        message: expect.stringContaining(message),
      });
      const backOff = ["ErrImagePull", "ImagePullBackOff"];
      expect(reportOf({ stdout, stderr })).toEqual({
        anonymous: waits(backOff, "401 UNAUTHORIZED: authentication required; there are no credentials for it"),
        pulled: { message: "one", imageID: expect.stringMatching(/@sha256:/), isFirst: true },
        pulledEvents: expect.arrayContaining([
          expect.stringMatching(/^Pulling image "registry.localhost:5000\/team\/app:1"$/),
          expect.stringMatching(
            /^Successfully pulled image "registry.localhost:5000\/team\/app:1" in .*s\. Image size: \d+ bytes\.$/,
          ),
        ]),
        present: "one",
        digested: "one",
        always: { message: "two", imageID: expect.stringMatching(/@sha256:/), isSecond: true },
        never: waits(["ErrImageNeverPull"], "is not present with pull policy of Never"),
        missing: waits(backOff, "404 MANIFEST_UNKNOWN"),
        wrong: waits(["InvalidImageName"], '"Team" is no part of a repository\'s name'),
        raced: ["race", "race"],
        killed: { message: "killed", wasSeen: true, events: true },
        // The two that the tag has been, and the two others; nothing half done is left.
        roots: 4,
        left: [],
      });
    },
    TIMEOUT_MS,
  );
});
