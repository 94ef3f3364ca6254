import { spawnSync } from "node:child_process";
import { mkdtempSync, rmdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "@jest/globals";

const timeoutMs = 60_000;
const userNamespace = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];
const disk = mkdtempSync(join(tmpdir(), "kelvin-full-"));
afterAll(() => rmdirSync(disk));

function runWithMounts(...command: string[]): { status: number | null; stdout: string; stderr: string } {
  const args = [...userNamespace, "--mount", "--pid", "--fork", "--kill-child=KILL", ...command];
  return spawnSync("unshare", args, { encoding: "utf8", timeout: timeoutMs, killSignal: "SIGKILL" });
}

const trial = runWithMounts("mount", "-t", "tmpfs", "tmpfs", disk);
if (trial.status !== 0) {
  process.stderr.write(`no disk was filled: this machine refuses to mount one (${trial.stderr.trim()})\n`);
}

(trial.status === 0 ? describe : describe.skip)("a full disk", () => {
  test(
    "refuses writes clearly, goes on reading, loses nothing, and recovers when there is space",
    () => {
      const script = join(import.meta.dirname, "full-disk.ts");
      const { stdout, stderr } = runWithMounts(process.execPath, "--conditions=@kelvin/source", script, disk);
      const report = parseReport(stdout, stderr);
      const message = expect.stringMatching(
        /^no space is left for .*\/store \(ENOSPC.*\): free some, and writing goes on by itself$/,
      );
      const refusal = { kind: "Status", status: "Failure", code: 507, reason: "InsufficientStorage", message };
      expect(report).toEqual({
        server: {
          uncertain: expect.objectContaining(refusal),
          refusedCodes: [507],
          refusal: expect.objectContaining(refusal),
          readCode: 200,
          leaseCode: 201,
          eventType: "ADDED",
          lostWhileFull: 0,
          lostAfterwards: 0,
          startWhileFull: expect.stringMatching(/no space is left for .*\/store .*free some/),
          revisionRises: true,
          isWritable: true,
        },
        snapshot: {
          failure: expect.stringMatching(/no space is left/),
          logsWhenFull: 2,
          halfSnapshots: 0,
          isCleanedUp: true,
          isSame: true,
        },
      });
    },
    timeoutMs,
  );
});

function parseReport(stdout: string, stderr: string): unknown {
  try {
    return JSON.parse(stdout);
  } catch {
    throw new Error(`the script said nothing of use: ${stdout}\n${stderr}`);
  }
}
