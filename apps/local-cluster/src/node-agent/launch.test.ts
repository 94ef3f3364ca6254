import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { systemClock } from "@kelvin/kube";
import { type ContainerLog, openContainerLog } from "./container-log.ts";
import { areLauncherWords, type LaunchOptions, prepareLaunch } from "./launch.ts";
import { openOutputPipes } from "./output-pipes.ts";
import { toolFile, toolPath } from "./runtime/tools.ts";

const words = (...all: string[]): string => all.map((word) => `${word}\0`).join("");
const script = '{ true; } || { echo "kelvin: cannot prepare the container" >&2; exit 128; }';
const setpriv = toolFile("setpriv");

test.each([
  ["a stage with the script", words("/bin/sh", "-c", script), true],
  ["the last stage", words(setpriv, "--reuid", "1000", "node", "server.js"), true],
  ["between two programs, when the kernel knows no words", "", true],
  ["the app", words("node", "server.js"), false],
  ["an app with empty words", words(""), false],
])("a command waits for the launcher to be the app: %s", (_, line, expected) => {
  expect(areLauncherWords(line, [setpriv, "--reuid", "1000"])).toBe(expected);
});

describe("a launch that waits", () => {
  let directory = "";
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "kelvin-launch-"));
  });
  afterEach(() => {
    rmSync(directory, { recursive: true, force: true });
  });

  const failHard = (message: string, error: unknown): never => {
    throw new Error(message, { cause: error });
  };
  const makeOptions = (preparation: string): LaunchOptions => ({
    command: ["/bin/sh", "-c", "cat prepared; test -e /proc/$$/fd/3 || echo alone; echo $$"],
    network: { address: "127.0.0.1", enter: [], close: () => Promise.resolve() },
    launch: { words: [], script: preparation, directory, finish: [], env: { PATH: toolPath }, enter: () => [] },
    signalsGroup: false,
    outputPipes: openOutputPipes(join(directory, "pipes"), failHard),
  });
  const log = (): ContainerLog =>
    openContainerLog({ file: join(directory, "log"), clock: systemClock, reportError: failHard });
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const prepared = (): boolean => existsSync(join(directory, "prepared"));
  const preparation = (): string => `echo set apart > ${join(directory, "prepared")} &&`;

  test("has done its part before its turn, and becomes the app in it", async () => {
    const waiting = await prepareLaunch(makeOptions(preparation()));
    await until(prepared);
    expect(waiting.isWaiting).toBe(true);
    const container = waiting.begin({ id: "x", log: log() });
    expect(await container.exited).toEqual({ exitCode: 0 });
    expect(waiting.isWaiting).toBe(false);
    const lines = readFileSync(join(directory, "log"), "utf8").trim().split("\n");
    expect(lines.map((line) => line.split(" ").slice(3).join(" "))).toEqual([
      "set apart",
      "alone",
      String(container.pid),
    ]);
  });

  test("waits no longer when its preparation fails", async () => {
    const waiting = await prepareLaunch(makeOptions("false &&"));
    await until(() => !waiting.isWaiting);
    await waiting.drop();
  });

  test("is gone when it was dropped", async () => {
    const waiting = await prepareLaunch(makeOptions(`echo $$ > ${join(directory, "pid")} && ${preparation()}`));
    await until(prepared);
    await waiting.drop();
    expect(waiting.isWaiting).toBe(false);
    expect(existsSync(`/proc/${readFileSync(join(directory, "pid"), "utf8").trim()}`)).toBe(false);
  });

  test("ends by itself when whoever has prepared it is killed", async () => {
    const options = makeOptions(`echo $$ > ${join(directory, "pid")} && ${preparation()}`);
    const script = `
      import { prepareLaunch } from ${JSON.stringify(join(import.meta.dirname, "launch.ts"))};
      import { openOutputPipes } from ${JSON.stringify(join(import.meta.dirname, "output-pipes.ts"))};
      const outputPipes = openOutputPipes(${JSON.stringify(join(directory, "others"))}, console.error);
      const options = ${JSON.stringify({ ...options, outputPipes: undefined })};
      await prepareLaunch({ ...options, outputPipes });
      setTimeout(() => {}, 60_000);`;
    const agent = spawn(process.execPath, ["--conditions=@kelvin/source", "--input-type=module", "--eval", script]);
    await until(prepared);
    const pid = readFileSync(join(directory, "pid"), "utf8").trim();
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    agent.kill("SIGKILL");
    await until(() => !existsSync(`/proc/${pid}`) || readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z "));
  });
});
