import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canRunPods, reportOf, runInNamespaces, scriptWords, TIMEOUT_MS } from "./in-namespaces.ts";

const HOST_PORT = "17250";
let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-registry-names-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

(canRunPods() ? describe : describe.skip)("the embedded registry", () => {
  test(
    "is reached under each of its names, at its own port and at the one on the host",
    () => {
      const hosts = ["registry.localhost", "localhost", "127.0.0.1"];
      const names = hosts.flatMap((host) => [`${host}:5000`, `${host}:${HOST_PORT}`]);
      const outcome = runInNamespaces(...scriptWords("pods-registry.ts", dataDir, HOST_PORT));
      expect(reportOf(outcome)).toEqual({
        // By the name under which it was asked for.
        pulled: Object.fromEntries(names.map((name) => [name, "here true"])),
        inPods: "200 200 ECONNREFUSED ECONNREFUSED ECONNREFUSED ECONNREFUSED",
      });
    },
    TIMEOUT_MS,
  );
});
