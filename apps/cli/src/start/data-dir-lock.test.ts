import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { lockDataDir } from "./data-dir-lock.ts";

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "kelvin-lock-"));
});
afterEach(() => {
  rmSync(dataDir, { recursive: true, force: true });
});

describe("lockDataDir", () => {
  test("refuses a second holder and names the first", () => {
    const lock = lockDataDir(dataDir);
    expect(() => lockDataDir(dataDir)).toThrow(`already running as pid ${process.pid}`);
    lock.release();
    lockDataDir(dataDir).release();
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test("makes the directory", () => {
    lockDataDir(join(dataDir, "a", "b")).release();
    expect(readdirSync(dataDir)).toEqual(["a"]);
  });

  test.each([
    ["a process that is gone", { pid: 2 ** 22 + 1, startTime: "boot 1" }],
    ["a process id that was given to another", { pid: process.pid, startTime: "another boot 1" }],
    ["nonsense", "garbage"],
  ])("takes over a lock of %s", (_name, holder) => {
    writeFileSync(join(dataDir, "lock"), JSON.stringify(holder));
    const lock = lockDataDir(dataDir);
    expect(JSON.parse(readFileSync(join(dataDir, "lock"), "utf8"))).toMatchObject({ pid: process.pid });
    lock.release();
    expect(readdirSync(dataDir)).toEqual([]);
  });

  test("says why a directory cannot be made", () => {
    writeFileSync(join(dataDir, "file"), "");
    expect(() => lockDataDir(join(dataDir, "file", "d"))).toThrow(/cannot make --data-dir/);
  });
});
