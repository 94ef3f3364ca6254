import { expect, test } from "@jest/globals";
import { areLauncherWords } from "./launch.ts";
import { toolFile } from "./runtime/tools.ts";

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
