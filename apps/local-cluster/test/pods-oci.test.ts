import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCgroups } from "../src/node-agent/runtime/cgroups.ts";
import { canRunPods, reportOf, runInNamespaces, scriptWords, TIMEOUT_MS, toolEnv } from "./in-namespaces.ts";
import { makeUnpackedImage } from "./unpacked-image.ts";

const hasRunc = spawnSync("runc", ["--version"], { env: toolEnv }).status === 0;
if (!hasRunc) process.stderr.write("nothing was run as an OCI bundle: the program runc is missing\n");
const isPossible = canRunPods() && hasRunc;

const cgroups = openCgroups("a test");
const hasCgroups = process.getuid?.() === 0 && cgroups.fact.startsWith("memory and cpu");
cgroups.close();

const DEVICES = "fd full mqueue null ptmx pts random shm stderr stdin stdout termination-log tty urandom zero".split(
  " ",
);
const PROGRAMS = ["/bin/sh", "/bin/cat", "/bin/ls", "/bin/sleep", "/usr/bin/touch", "/usr/bin/stty", "/usr/bin/tty"];

function makeImage(): void {
  makeUnpackedImage(join(dataDir, "images", "tools"), PROGRAMS, { Env: ["PATH=/bin:/usr/bin"] });
}

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-oci-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

(isPossible ? describe : describe.skip)("containers as OCI bundles", () => {
  test(
    "have processes, devices and rights of their own, and leave nothing behind where all is killed",
    () => {
      makeImage();
      runInNamespaces(...scriptWords("pods-oci.ts", dataDir, "die"));
      const live = runInNamespaces(...scriptWords("pods-oci.ts", dataDir, "live", String(hasCgroups)));
      expect(reportOf(live)).toEqual({
        leftBehind: { hadGroups: hasCgroups, groups: [] },
        inside: [
          // It is process 1, and sees no other.
          "0 Completed 1",
          "1",
          ...DEVICES,
          "inside",
          // What engines leave to root.
          "00000000a80425fb",
          "closed",
          "sys",
          "read-only",
        ].join("\n"),
        memory: hasCgroups ? "137 OOMKilled " : "not tried",
        chosen: 'Runs in runtime "oci": not local: the image has a root file system of its own',
        // As process 1 it hears SIGTERM only if it says so.
        deaf: 137,
        notLeft: "nothing",
      });
    },
    2 * TIMEOUT_MS,
  );

  test(
    "are entered, taken over by another agent, and end with whoever watches over them",
    () => {
      makeImage();
      expect(reportOf(runInNamespaces(...scriptWords("pods-oci.ts", dataDir, "bare")))).toEqual({
        sameContainer: true,
        terminals: ["/dev/pts/0 33 77", expect.stringMatching(/^\/dev\/pts\/\d+ 33 77$/)],
        exec: { said: "seen", isOther: true, exitCode: 7 },
        watcher: { code: 137, isAppGone: true },
        log: "first",
      });
    },
    TIMEOUT_MS,
  );
});
