import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openClusterProcess } from "./cluster-process.ts";
import { bindFreeHostPort } from "./host-ports.ts";
import { parseStartOptions } from "./options.ts";

let directory = "";
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "kelvin-cluster-process-"));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** Asks for its API port at once, and tells how it fared. */
const quickCluster = `
  const { writeFileSync } = await import("node:fs");
  const argument = (name) => process.argv[process.argv.indexOf(name) + 1];
  process.on("message", ({ type, message }) => {
    if (type === "published") process.send({ type: "serving", url: "" });
    if (type === "publish-failed") process.send({ type: "failed", message });
    if (type === "stop") process.exit(0);
  });
  process.once("disconnect", () => process.exit(0));
  process.send({ type: "publish", port: Number(argument("--api-port")) }, () => {
    writeFileSync(argument("--data-dir") + "/asked", "");
  });
  export {};
`;

test("a cluster that asks for a port before it was given it gets it all the same", async () => {
  const source = join(directory, "apps", "local-cluster", "src");
  mkdirSync(source, { recursive: true });
  writeFileSync(join(source, "main.ts"), quickCluster);
  writeFileSync(join(directory, "package.json"), JSON.stringify({ type: "module" }));
  const { port, servers } = await bindFreeHostPort();
  const options = parseStartOptions(["--data-dir", directory, "--api-port", String(port)], {});
  if (options === undefined) throw new Error("no options");
  const watcher = watch(directory);
  const cluster = openClusterProcess({
    start: { ...options, registryPort: 5_000 },
    repository: directory,
    network: { words: [], options: [], env: {}, endRest: () => undefined },
    heldPorts: [port],
    hostServices: new Map(),
    neededPorts: [],
  });
  while (!existsSync(join(directory, "asked"))) await once(watcher, "change");
  watcher.close();
  await cluster.publish(port, servers);
  try {
    await expect(cluster.serving).resolves.toBeUndefined();
  } finally {
    cluster.stop();
    await cluster.exited;
  }
});
