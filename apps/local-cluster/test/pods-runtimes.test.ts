import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openCgroups } from "../src/node-agent/runtime/cgroups.ts";
import {
  canRunPods,
  reportOf,
  runAsOrdinaryUser,
  runInNamespaces,
  scriptWords,
  TIMEOUT_MS,
  toolEnv,
} from "./in-namespaces.ts";

const isPossible = canRunPods();
const isRoot = process.getuid?.() === 0;
if (isPossible && !isRoot) process.stderr.write("other users in Pods were not tried: only root has them\n");

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-runtimes-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

const hasRunc = spawnSync("runc", ["--version"], { env: toolEnv }).status === 0;
if (isPossible && !hasRunc) process.stderr.write("nothing was run as an OCI bundle: the program runc is missing\n");

const cgroups = openCgroups("a test");
const hasCgroups = isRoot && cgroups.fact.startsWith("memory and cpu");
cgroups.close();
if (isPossible && isRoot && !hasCgroups)
  process.stderr.write("no limit was tried: control groups are not ours to write\n");

(isPossible && isRoot ? describe : describe.skip)(
  "containers with a root file system, user and rights of their own",
  () => {
    test.each(
      [
        // What the sandbox keeps, to change the root with, is SYS_CHROOT.
        { runtime: "sandbox", kept: "0000000000040000", missing: /^127 ContainerCannotRun .*no-such-program/ },
        { runtime: "oci", kept: "0000000000000000", missing: /^128 StartError .*no-such-program/ },
      ].filter(({ runtime }) => hasRunc || runtime !== "oci"),
    )(
      "in runtime $runtime",
      ({ runtime, kept, missing }) => {
        const outcome = runInNamespaces(...scriptWords("pods-runtimes.ts", dataDir, runtime, String(hasCgroups)));
        expect(reportOf(outcome)).toEqual({
          memory: hasCgroups ? "137 OOMKilled " : "not tried",
          limits: expect.stringMatching(hasCgroups ? /^memory and cpu, by cgroup v[12]$/ : /^none: /),
          preset: "0 Completed hello from /srv/new as 1234:1235 with 1235 77, home /srv",
          args: "0 Completed hello you",
          root: expect.stringMatching(
            /^0 Completed ls: cannot access '\/home'.*\nls: cannot access '\/usr\/lib\/node_modules'.*\nroot\n\/bin\/cat .*\/bin\/sleep$/,
          ),
          writable: "0 Completed written",
          readOnly:
            "0 Completed touch: cannot touch '/etc/new': Read-only file system\n" +
            "touch: cannot touch '/tmp/x': Read-only file system\nvolume",
          volume: expect.stringMatching(/^0 Completed x\ndrwxrwsrwx \d+ 0 5002 /),
          user: `0 Completed 5000\n5001\n5001 5002 5003\nCapEff:${kept}\nCapBnd:${kept}\nNoNewPrivs:1`,
          missing: expect.stringMatching(missing),
          served: { exitCode: 7, message: "stopped" },
          nonRoot: expect.stringMatching(
            /^CreateContainerConfigError: container has runAsNonRoot and image has non-numeric/,
          ),
          privileged:
            'CreateContainerConfigError: container "main" is privileged, which the local cluster does not allow',
          local: "1 Error 5000\n5001\n0000000000000000\ntouch: cannot touch '/etc/new': Read-only file system",
          localRoot: "0 Completed 0000000000000400",
          runtimes: hasRunc ? "local.oci.sandbox" : "local.sandbox",
          chosen: `Runs in runtime "${runtime}": the annotation kelvin.dev/runtime asks for it`,
          hostIsClean: true,
        });
      },
      TIMEOUT_MS,
    );
  },
);

const isPossibleForOthers =
  isPossible && runAsOrdinaryUser("ip", "link", "add", "kelvin0", "type", "bridge").status === 0;
if (isPossible && !isPossibleForOthers)
  process.stderr.write("no Pod of an ordinary user was run: it is refused here\n");

(isPossibleForOthers ? describe : describe.skip)("Pods of an ordinary user's cluster", () => {
  test(
    "may be as restricted as they like, and share volumes, but run as nobody else",
    () => {
      chmodSync(dataDir, 0o777);
      expect(reportOf(runAsOrdinaryUser(...scriptWords("pods-ordinary-user.ts", dataDir, String(hasRunc))))).toEqual({
        hardened: "wrote",
        other: expect.stringContaining(
          "it cannot run as user or group 1000: the cluster runs in an ordinary user's namespace",
        ),
        web: expect.stringMatching(
          /^no runtime .*; oci: .*; sandbox: it cannot run as user or group 1234: .* Start the cluster as root/,
        ),
        sandbox: "0",
        oci: hasRunc ? "0" : "not tried",
        trial: expect.stringMatching(hasRunc ? /^runc does not work here: runc run failed: .*cgroup/ : /^not there: /),
      });
    },
    TIMEOUT_MS,
  );
});
