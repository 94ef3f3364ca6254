import { mkdir, writeFile } from "node:fs/promises";
import { expect, test } from "@jest/globals";
import { useStepBench } from "./run-command.ts";

const bench = useStepBench();
const install = async () => await bench.run(["npm-install", "--workspace", bench.path("workspace")]);
const write = async (name: string, text: string): Promise<void> => await writeFile(bench.path("workspace", name), text);
const lock = (packages: object): string => JSON.stringify({ name: "x", lockfileVersion: 3, packages });

test("without packages there is nothing to do", async () => {
  for (const text of [
    undefined,
    lock({ "": { name: "x" } }),
    JSON.stringify({ lockfileVersion: 1, dependencies: {} }),
  ]) {
    if (text !== undefined) await write("package-lock.json", text);
    const { exitCode, lines } = await install();
    expect([exitCode, lines]).toEqual([0, ["package-lock.json asks for no packages: nothing to install"]]);
  }
});

test("a registry that cannot be reached is named, unless the source brings the packages", async () => {
  await write("package.json", '{"name":"x"}');
  await write("package-lock.json", lock({ "": {}, "node_modules/left-pad": { version: "1.3.0" } }));
  await write(".npmrc", "registry=http://127.0.0.1:1/\n");
  const { outcome } = await install();
  expect(outcome.failure).toMatchObject({
    reason: "NpmRegistryUnreachable",
    message: expect.stringContaining("asks for 1 packages, and the npm registry http://127.0.0.1:1/ cannot be reached"),
  });
  await mkdir(bench.path("workspace", "node_modules"));
  expect(await install()).toMatchObject({ exitCode: 0 });
});

test("a lock that is none is told", async () => {
  await write("package-lock.json", "{");
  expect((await install()).outcome.failure?.reason).toBe("PackageLockInvalid");
});
