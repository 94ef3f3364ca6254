import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { StartError } from "../usage-error.ts";
import type { ClusterNetwork } from "./cluster-process.ts";

// N of 127.N.x.y: even numbers, for a cluster needs N + 1 too. Low ones are where machines put things of their own.
const BLOCK_MIN = 64;
const BLOCK_MAX = 252;
/** The port that the API server has on the first address of its block: 443, moved as translation.ts moves ports. */
const CLAIM_PORT = 443 ^ 0x8000;
/** The variable by which the processes of one cluster are found; apps/local-cluster knows it too. */
const MARK = "KELVIN_CLUSTER";

/** What a user must know who gets this network; `reason` says why it is not another. */
export function describeLoopback(reason: string | undefined): string {
  const why = reason === undefined ? " as asked for." : `: ${reason.replace(/\.?$/, ".")}`;
  return (
    `Using the loopback network${why} There Pods run programs of node only, mount no volumes, ` +
    "and are kept apart by nothing but their addresses."
  );
}

/** The cluster on loopback addresses of this machine, translated in each process. @throws StartError when all are taken. */
export async function openLoopbackNetwork(dataDir: string, repository: string): Promise<ClusterNetwork> {
  const block = String(await findBlock(dataDir));
  const preload = join(repository, "apps", "local-cluster", "src", "network", "loopback", "preload.ts");
  return {
    words: [],
    options: ["--network", "loopback", "--loopback-block", block],
    env: { NODE_OPTIONS: `--require=${JSON.stringify(preload)}`, KELVIN_LOOPBACK_BLOCK: block },
    endRest: () => killMarked(`${MARK}=${dataDir}`),
  };
}

/** The same data directory tries the same block first. */
async function findBlock(dataDir: string): Promise<number> {
  const count = (BLOCK_MAX - BLOCK_MIN) / 2 + 1;
  const first = createHash("sha256").update(dataDir).digest().readUInt32BE(0);
  for (let offset = 0; offset < count; offset += 1) {
    const block = BLOCK_MIN + ((first + offset) % count) * 2;
    if (await isFree(`127.${block}.0.1`)) return block;
  }
  throw new StartError("every block of loopback addresses is in use by another local cluster");
}

async function isFree(host: string): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(CLAIM_PORT, host);
    await once(server, "listening");
    return true;
  } catch {
    // Taken, or not an address of this machine: the next one may do.
    return false;
  } finally {
    server.close();
  }
}

/** The cluster does this itself unless it was killed. Its Pods may be in the middle of starting something: look twice. */
function killMarked(entry: string): void {
  for (let pass = 0; pass < 2; pass += 1) {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      if (environmentOf(pid).includes(entry)) kill(Number(pid));
    }
  }
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    // Another user's, or gone.
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended in the same moment.
  }
}
