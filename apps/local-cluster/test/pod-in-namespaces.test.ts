import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

const TIMEOUT_MS = 60_000;
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
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-pod-"));
});
afterAll(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

(isPossible ? describe : describe.skip)("Pods in namespaces", () => {
  test(
    "two Pods listen on one port, are reached, restart after a kill and leave nothing behind",
    () => {
      const script = join(import.meta.dirname, "pod-in-namespaces.ts");
      const node = [process.execPath, "--conditions=@kelvin/source", script, dataDir];
      const { stdout, stderr } = runInNamespaces("/bin/sh", "-c", '"$@" & wait $!', "init", ...node);
      const report = parseReport(stdout, stderr);
      expect(report).toEqual({
        podIps: report.podIps,
        answeredIps: report.podIps,
        hasTokens: true,
        serviceAnswered: true,
        hostAnswered: true,
        // A Service by all its names, an ExternalName, the host, a headless Service and one Pod of it.
        fromPod: {
          reached: Array.from({ length: 8 }, () => "a Pod"),
          failures: ["ENOTFOUND", "ENOTFOUND", "ENETUNREACH"],
        },
        lastExitCode: 137,
        isGone: true,
      });
      expect(new Set(report.podIps).size).toBe(2);
    },
    TIMEOUT_MS,
  );
});

function parseReport(stdout: string, stderr: string): { podIps: string[] } {
  try {
    return JSON.parse(stdout) as { podIps: string[] };
  } catch {
    throw new Error(`the cluster said nothing of use: ${stdout}\n${stderr}`);
  }
}
