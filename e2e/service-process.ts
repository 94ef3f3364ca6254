import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Cluster } from "./cluster.ts";

/** Sends a signal to each process that serves this app in this cluster. @throws when there is none. */
export function signalService(cluster: Cluster, service: string, signal: NodeJS.Signals): void {
  const pids = findServicePids(cluster.own?.dataDir ?? "", service);
  for (const pid of pids) process.kill(pid, signal);
  if (pids.length === 0) throw new Error(`found no process of ${service}`);
}

/** Those that run in the app's directory and know of the cluster's data. */
function findServicePids(dataDir: string, service: string): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const isInItsDirectory = readlinkSync(`/proc/${pid}/cwd`).endsWith(`/apps/${service}`);
        return isInItsDirectory && readFileSync(`/proc/${pid}/environ`, "utf8").includes(dataDir);
      } catch {
        // It has ended meanwhile.
        return false;
      }
    });
}
