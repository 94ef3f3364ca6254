import { afterEach, describe, expect, test } from "@jest/globals";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { openLoopbackNetwork } from "./loopback-network.ts";

const isLinux = process.platform === "linux";
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

(isLinux ? describe : describe.skip)("openLoopbackNetwork", () => {
  const blockOf = async (dataDir: string): Promise<string | undefined> =>
    (await openLoopbackNetwork(dataDir, "/repository")).env["KELVIN_LOOPBACK_BLOCK"];

  test("a cluster comes back to its block, and leaves one that is in use to its holder", async () => {
    const first = await blockOf("/data/one");
    expect(await blockOf("/data/one")).toBe(first);
    const holder = createServer().listen(443 ^ 0x8000, `127.${first ?? ""}.0.1`);
    await once(holder, "listening");
    try {
      expect(await blockOf("/data/one")).not.toBe(first);
    } finally {
      holder.close();
    }
  });

  test("the end of a cluster is the end of its processes, and of no others", async () => {
    const start = (mark: string): ChildProcess => {
      const child = spawn("sleep", ["60"], { env: { ...process.env, KELVIN_CLUSTER: mark }, stdio: "ignore" });
      children.push(child);
      return child;
    };
    const [ours, other] = [start("/data/ours"), start("/data/ours-too")];
    await Promise.all([once(ours, "spawn"), once(other, "spawn")]);
    const ended = once(ours, "exit");
    (await openLoopbackNetwork("/data/ours", "/repository")).endRest();
    expect(await ended).toEqual([null, "SIGKILL"]);
    expect(other.exitCode ?? other.signalCode).toBeNull();
  });
});
