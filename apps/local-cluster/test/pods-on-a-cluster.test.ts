import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const TIMEOUT_MS = 60_000;
/** Below those that `kelvin start` uses. */
const LOOPBACK_BLOCK = "62";
const env = { ...process.env, PATH: `${process.env.PATH ?? ""}${delimiter}/usr/sbin${delimiter}/sbin` };
const userNamespace = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
const namespaces = [
  "unshare",
  ...userNamespace,
  "--pid",
  "--fork",
  "--kill-child=KILL",
  "--mount",
  "--mount-proc",
  "--net",
];

function runInNamespaces(...command: string[]): { status: number | null; stdout: string; stderr: string } {
  const [file = "", ...args] = [...namespaces, ...command];
  return spawnSync(file, args, { env, encoding: "utf8", timeout: TIMEOUT_MS, killSignal: "SIGKILL" });
}

const trial = runInNamespaces("ip", "link", "add", "kelvin0", "type", "bridge");
const isPossible = trial.status === 0;
if (!isPossible) {
  process.stderr.write(
    `no Pod was run: this machine refuses network namespaces (${trial.stderr.trim() || "unshare or ip is missing"})\n`,
  );
}

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-pod-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

const script = join(import.meta.dirname, "pods-on-a-cluster.ts");
const node = [process.execPath, "--conditions=@kelvin/source", script];

(isPossible ? describe : describe.skip)("Pods in namespaces", () => {
  test(
    "two Pods listen on one port, are reached by every name, restart after a kill and leave nothing behind",
    () => {
      const words = ["/bin/sh", "-c", '"$@" & wait $!', "init", ...node, dataDir, "namespaces"];
      const { stdout, stderr } = runInNamespaces(...words);
      // The way out of such a Pod is closed, and says so at once.
      expectGood(stdout, stderr, ["ENOTFOUND", "ENOTFOUND", "ENETUNREACH"]);
    },
    TIMEOUT_MS,
  );
});

(process.platform === "linux" ? describe : describe.skip)("Pods on the loopback network", () => {
  test(
    "two Pods listen on one port, are reached by every name, restart after a kill and leave nothing behind",
    () => {
      const preload = join(import.meta.dirname, "..", "src", "network", "loopback", "preload.ts");
      const args = [...node.slice(1), dataDir, "loopback", LOOPBACK_BLOCK];
      const { stdout, stderr } = spawnSync(process.execPath, args, {
        env: { ...env, NODE_OPTIONS: `--require=${JSON.stringify(preload)}`, KELVIN_LOOPBACK_BLOCK: LOOPBACK_BLOCK },
        encoding: "utf8",
        timeout: TIMEOUT_MS,
        killSignal: "SIGKILL",
      });
      expectGood(stdout, stderr, []);
    },
    TIMEOUT_MS,
  );
});

function expectGood(stdout: string, stderr: string, failures: readonly string[]): void {
  const report = parseReport(stdout, stderr);
  expect(report).toEqual({
    podIps: report.podIps,
    answeredIps: report.podIps,
    hasTokens: true,
    serviceAnswered: true,
    hostAnswered: true,
    // A Service by all its names, an ExternalName, the host, a headless Service and one Pod of it.
    fromPod: { reached: Array.from({ length: 8 }, () => "a Pod"), failures },
    lastExitCode: 137,
    isGone: true,
  });
  expect(new Set(report.podIps).size).toBe(2);
}

function parseReport(stdout: string, stderr: string): { podIps: string[] } {
  try {
    return JSON.parse(stdout) as { podIps: string[] };
  } catch {
    throw new Error(`the cluster said nothing of use: ${stdout}\n${stderr}`);
  }
}
