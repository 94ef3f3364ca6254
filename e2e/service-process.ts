import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import type { Cluster } from "./cluster.ts";

/** An app, or those of its processes that have this in their environment (`ROLE=control`). */
export type ServiceName = string | { readonly app: string; readonly variable: string };

/** Sends a signal to each process that serves this app in this cluster. @throws when there is none. */
export function signalService(cluster: Cluster, service: ServiceName, signal: NodeJS.Signals): void {
  const pids = findServicePids(cluster.own?.dataDir ?? "", service);
  for (const pid of pids) process.kill(pid, signal);
  if (pids.length === 0) throw new Error(`found no process of ${JSON.stringify(service)}`);
}

/** Those that run in the app's directory and know of the cluster's data. */
function findServicePids(dataDir: string, service: ServiceName): number[] {
  const { app, variable } = typeof service === "string" ? { app: service, variable: "" } : service;
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        if (!readlinkSync(`/proc/${pid}/cwd`).endsWith(`/apps/${app}`)) return false;
        const environment = readFileSync(`/proc/${pid}/environ`, "utf8");
        return environment.includes(dataDir) && environment.includes(variable);
      } catch {
        // It has ended meanwhile.
        return false;
      }
    });
}
