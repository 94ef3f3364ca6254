import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openOutputPipes } from "./output-pipes.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kelvin-pipes-"));
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const failHard = (message: string, error: unknown): never => {
  throw new Error(message, { cause: error });
};

test("a program can open /dev/stdout, and the end of the last writer ends the output", async () => {
  const pipes = openOutputPipes(join(directory, "pipes"), failHard);
  const pipe = await pipes.open();
  spawn("/bin/sh", ["-c", "echo one; echo two > /dev/stdout; echo three"], {
    stdio: ["ignore", pipe.writer, "ignore"],
  });
  pipe.closeWriter();
  let text = "";
  for await (const chunk of pipe.readable) text += String(chunk);
  expect(text).toBe("one\ntwo\nthree\n");
});

test("there are always more", async () => {
  const pipes = openOutputPipes(join(directory, "pipes"), failHard);
  const opened = await Promise.all(Array.from({ length: 80 }, () => pipes.open()));
  expect(new Set(opened.map(({ writer }) => writer)).size).toBe(80);
  for (const { readable, closeWriter } of opened) {
    readable.destroy();
    closeWriter();
  }
});
