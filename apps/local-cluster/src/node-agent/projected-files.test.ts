import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isVolumePath, writeProjectedFiles } from "./projected-files.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kelvin-files-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const files = (entries: Record<string, string>): Map<string, { content: string; mode: number }> =>
  new Map(Object.entries(entries).map(([path, content]) => [path, { content, mode: 0o644 }]));

test("a new version replaces the old one in one step, through the link that readers watch", () => {
  writeProjectedFiles(directory, files({ token: "one", "deep/ca.crt": "ca" }), { version: "1" });
  expect(readFileSync(join(directory, "deep", "ca.crt"), "utf8")).toBe("ca");
  writeProjectedFiles(directory, files({ token: "two" }), { version: "2" });
  expect(readFileSync(join(directory, "token"), "utf8")).toBe("two");
  expect(readlinkSync(join(directory, "..data"))).toBe("..2");
  expect(readlinkSync(join(directory, "token"))).toBe("..data/token");
  expect(readdirSync(directory)).not.toContain("..1");
});

test("what has not changed is not written again, so that nobody who watches it is woken", () => {
  writeProjectedFiles(directory, files({ a: "one" }), { version: "1" });
  writeProjectedFiles(directory, files({ a: "one" }), { version: "2" });
  expect(readlinkSync(join(directory, "..data"))).toBe("..1");
  writeProjectedFiles(directory, new Map([["a", { content: "one", mode: 0o400 }]]), { version: "3" });
  expect(readlinkSync(join(directory, "..data"))).toBe("..3");
  expect(statSync(join(directory, "a")).mode & 0o777).toBe(0o400);
});

test("a key that is gone leaves no name behind", () => {
  writeProjectedFiles(directory, files({ a: "one", b: "two" }), { version: "1" });
  writeProjectedFiles(directory, files({ b: "two" }), { version: "2" });
  expect(readdirSync(directory).sort()).toEqual(["..2", "..data", "b"]);
});

describe("isVolumePath", () => {
  test.each([
    ["a/b", true],
    ["a..b", true],
    ["", false],
    ["/etc/passwd", false],
    ["a/../../b", false],
    ["..data", false],
  ])("%j is %s", (path, wanted) => {
    expect(isVolumePath(path)).toBe(wanted);
  });
});
