import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Clock } from "@kelvin/kube";
import type { ClusterConfig } from "./config.ts";
import type { ContainerPlace } from "./node-agent/container-place.ts";
import type { Network } from "./network/network.ts";

/** Where Pods live on this machine. */
export interface NodePlace {
  readonly network: Network;
  readonly containers: ContainerPlace;
}

export interface NodePlaceDeps {
  readonly clock: Clock;
  readonly reportError: (message: string, error: unknown) => void;
}

/** The one place that knows the ways to keep Pods apart. @throws Error when the kernel refuses the one that is asked for. */
export function openNodePlace(config: ClusterConfig, deps: NodePlaceDeps): Promise<NodePlace> {
  switch (config.network) {
    case "namespaces":
      return openNamespaces(config, deps);
    case "loopback":
      return openLoopback(config);
  }
}

async function openNamespaces({ dataDir, egressPorts }: ClusterConfig, deps: NodePlaceDeps): Promise<NodePlace> {
  const { openNamespaceNetwork } = await import("./network/namespace-network.ts");
  const { prepareRootMounts } = await import("./node-agent/root-mounts.ts");
  const { mountNamespaces } = await import("./node-agent/container-place.ts");
  const runDir = join(dataDir, "run");
  const network = await openNamespaceNetwork({ runDir, hasEgress: egressPorts !== undefined, ...deps });
  await prepareRootMounts(runDir);
  return { network, containers: mountNamespaces };
}

/** The variable by which the processes of one cluster are found; apps/cli knows it too. */
const MARK = "KELVIN_CLUSTER";

async function openLoopback({ dataDir, loopbackBlock }: ClusterConfig): Promise<NodePlace> {
  if (loopbackBlock === undefined) throw new Error("--loopback-block is needed");
  const { openLoopbackNetwork } = await import("./network/loopback/loopback-network.ts");
  const { makeLoopbackPlace } = await import("./node-agent/loopback-place.ts");
  const { killMarked } = await import("./node-agent/marked-processes.ts");
  // Nothing ends with us by itself here: what a former life left behind goes now, what we leave behind at our end.
  killMarked(MARK, dataDir);
  process.once("exit", () => killMarked(MARK, dataDir));
  const tether = spawnSync("setpriv", ["--pdeathsig", "KILL", "true"], { stdio: "ignore" });
  const containers = makeLoopbackPlace({
    block: loopbackBlock,
    mark: { [MARK]: dataDir },
    tether: tether.status === 0 ? ["setpriv", "--pdeathsig", "KILL"] : [],
  });
  return { network: openLoopbackNetwork(), containers };
}
