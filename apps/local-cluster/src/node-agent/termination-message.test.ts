import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { prepareTerminationFile, terminationMessageOf } from "./termination-message.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kelvin-words-"));
  writeFileSync(join(directory, "0.log"), "2026-01-01T00:00:00.000000000Z stderr F from the log\n");
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const wordsOf = (usesLog: boolean): string | undefined =>
  terminationMessageOf({ terminationFile: join(directory, "words"), logFile: join(directory, "0.log") }, { usesLog });

test("the file comes before the log, and the log only where it is asked for", () => {
  expect(wordsOf(false)).toBeUndefined();
  expect(wordsOf(true)).toBe("from the log\n");
  writeFileSync(join(directory, "words"), "from the file");
  expect(wordsOf(true)).toBe("from the file");
});

test("of a long message the end is kept", () => {
  writeFileSync(join(directory, "words"), `${"x".repeat(10_000)}end`);
  expect(wordsOf(false)).toHaveLength(4_096);
  expect(wordsOf(false)).toMatch(/end$/);
});

test("each run begins without the words of the last", () => {
  const file = join(directory, "words");
  writeFileSync(file, "old");
  const mounts = prepareTerminationFile(file, { name: "c", terminationMessagePath: "/tmp/words" });
  expect(mounts).toEqual([{ source: file, target: "/tmp/words" }]);
  expect(readFileSync(file, "utf8")).toBe("");
});
