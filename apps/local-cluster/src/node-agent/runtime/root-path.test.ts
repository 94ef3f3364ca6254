import { afterAll, beforeAll, describe, expect, test } from "@jest/globals";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { resolveInRoot } from "./root-path.ts";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "kelvin-root-"));
  mkdirSync(join(root, "run/lock"), { recursive: true });
  mkdirSync(join(root, "etc"));
  writeFileSync(join(root, "etc/passwd"), "");
  symlinkSync("/run", join(root, "var"));
  symlinkSync("../../../../etc", join(root, "run/out"));
  symlinkSync("loop", join(root, "loop"));
});
afterAll(() => {
  rmSync(root, { recursive: true, force: true });
});

describe("resolveInRoot", () => {
  test.each([
    ["/etc/passwd", "/etc/passwd", "file"],
    ["/var/lock", "/run/lock", "directory"],
    ["/var/out/passwd", "/etc/passwd", "file"],
    ["/run/out", "/etc", "directory"],
    ["/../../etc/passwd", "/etc/passwd", "file"],
    ["/var/new/deep", "/run/new/deep", "absent"],
    ["/", "/", "directory"],
  ])("%s is %s", (target, inside, kind) => {
    expect(resolveInRoot(root, target)).toEqual({ path: inside === "/" ? root : join(root, inside), inside, kind });
  });

  test("a circle of links is an error", () => {
    expect(() => resolveInRoot(root, "/loop/x")).toThrow('too many symbolic links in "/loop/x"');
  });
});
