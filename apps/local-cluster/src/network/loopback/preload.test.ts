import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { openDnsServer } from "../dns/dns-server.ts";
import { makeTranslation } from "./translation.ts";

// A real node with the preload, as a Pod has it.

const isPossible = process.platform === "linux";
const run = isPossible ? test : test.skip;
let block = 0;
let dns: { close(): Promise<void> } | undefined;

beforeAll(async () => {
  if (!isPossible) return;
  block = await findBlock();
  const { address, port } = makeTranslation(block).bind({ address: "10.96.0.10", port: 53 });
  const resolve = ({
    name,
  }: {
    name: string;
  }): { code: number; answers: [] | [{ type: "A"; name: string; address: string }] } =>
    name === "me.default.svc.cluster.local"
      ? { code: 0, answers: [{ type: "A", name, address: "10.44.0.7" }] }
      : { code: 3, answers: [] };
  dns = await openDnsServer({ host: address, port, resolve, reportError: () => undefined });
});
afterAll(() => dns?.close());

/** Above those that `kelvin start` uses, so that neither is in the other's way; jest may run beside itself, though. */
async function findBlock(): Promise<number> {
  for (let candidate = 2; candidate < 62; candidate += 2) {
    const server = createServer();
    try {
      await once(server.listen(53 ^ 0x8000, `127.${candidate + 1}.0.10`), "listening");
      server.close();
      await once(server, "close");
      return candidate;
    } catch {
      // Taken: the next one.
    }
  }
  throw new Error("no free block");
}

async function runPod(script: string): Promise<string> {
  const env = {
    PATH: process.env["PATH"] ?? "",
    NODE_OPTIONS: `--require=${JSON.stringify(join(import.meta.dirname, "preload.ts"))}`,
    KELVIN_LOOPBACK_BLOCK: String(block),
    KELVIN_LOOPBACK_POD: "10.44.0.7",
    KELVIN_LOOPBACK_SEARCH: "default.svc.cluster.local svc.cluster.local cluster.local",
  };
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  await once(child, "close");
  return output;
}

run("a server on all addresses and any port has the Pod's, and is found by each of its names", async () => {
  const output = await runPod(`
    import { createServer } from "node:http";
    import { lookup } from "node:dns/promises";
    import { Worker } from "node:worker_threads";
    import { once } from "node:events";
    const server = createServer((request, response) => response.end("hello"));
    await once(server.listen(80), "listening");
    const { address, port } = server.address();
    console.log(address, port);
    for (const host of ["127.0.0.1", "localhost", "10.44.0.7", "me", "me.default", "me.default.svc.cluster.local"]) {
      console.log(host, await fetch("http://" + host).then((answer) => answer.text()));
    }
    console.log(await lookup("me"), await fetch("http://nobody.invalid").catch(({ cause }) => cause.code));
    const worker = new Worker('fetch("http://me").then((answer) => answer.text()).then(console.log)', { eval: true });
    await once(worker, "exit");
    process.exit();
  `);
  expect(output.trim().split("\n")).toEqual([
    "10.44.0.7 80",
    "127.0.0.1 hello",
    "localhost hello",
    "10.44.0.7 hello",
    "me hello",
    "me.default hello",
    "me.default.svc.cluster.local hello",
    "{ address: '10.44.0.7', family: 4 } ENOTFOUND",
    "hello",
  ]);
});

run("datagrams find the Pod, too", async () => {
  const output = await runPod(`
    import { createSocket } from "node:dgram";
    import { once } from "node:events";
    const [server, client] = [createSocket("udp4"), createSocket("udp4")];
    server.on("message", (message, peer) => server.send(message, peer.port, peer.address));
    await once(server.bind(5353), "listening");
    client.send("ping", 5353, "10.44.0.7");
    const [answer] = await once(client, "message");
    console.log(server.address().address, server.address().port, answer.toString());
    process.exit();
  `);
  expect(output.trim()).toBe("10.44.0.7 5353 ping");
});
