import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { runStep } from "./app.ts";
import { parseConfig } from "./config.ts";

let dir: string;
beforeEach(async () => void (dir = await mkdtemp(join(tmpdir(), "kelvin-step-"))));
afterEach(async () => await rm(dir, { recursive: true }));

async function run(...argv: string[]) {
  const terminationLogPath = join(dir, "termination-log");
  const lines: string[] = [];
  const exitCode = await runStep(argv, {
    config: parseConfig({ TERMINATION_LOG_PATH: terminationLogPath }),
    writeLine: (line) => lines.push(line),
    signal: new AbortController().signal,
  });
  return { exitCode, lines, outcome: JSON.parse(await readFile(terminationLogPath, "utf8")) as unknown };
}

test("nop says that the build is finished", async () => {
  expect(await run("nop")).toEqual({
    exitCode: 0,
    lines: ["Build finished: every step has run."],
    outcome: { results: [] },
  });
});

test("an unknown command is named with those there are", async () => {
  const { exitCode, outcome } = await run("pakc");
  expect(exitCode).toBe(2);
  expect(outcome).toMatchObject({
    failure: { reason: "InvalidArguments", message: expect.stringContaining('no command "pakc"; there are') },
  });
});

test("a wrong flag is a wrong call", async () => {
  expect(await run("nop", "--now")).toMatchObject({
    exitCode: 2,
    outcome: { failure: { reason: "InvalidArguments" } },
  });
});
