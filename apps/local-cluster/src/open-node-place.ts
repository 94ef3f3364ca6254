import { spawnSync } from "node:child_process";
import { join } from "node:path";
import type { Clock } from "@kelvin/kube";
import type { ClusterConfig } from "./config.ts";
import { type Cgroups, noCgroups, openCgroups } from "./node-agent/runtime/cgroups.ts";
import type { Runtime } from "./node-agent/runtime/runtime.ts";
import type { Network } from "./network/network.ts";

/** Where Pods live on this machine. */
export interface NodePlace {
  readonly network: Network;
  /** In the order in which they are thought of. */
  readonly runtimes: readonly Runtime[];
  readonly cgroups: Cgroups;
  /** Why there are no others, and what else people may wonder about; annotations of the Node. */
  readonly facts: Readonly<Record<string, string>>;
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
  const { localRuntime } = await import("./node-agent/runtime/local-runtime.ts");
  const { sandboxRuntime } = await import("./node-agent/runtime/sandbox-runtime.ts");
  const { makeOciRuntime } = await import("./node-agent/runtime/oci-runtime.ts");
  const runDir = join(dataDir, "run");
  const network = await openNamespaceNetwork({ runDir, hasEgress: egressPorts !== undefined, ...deps });
  await prepareRootMounts(runDir);
  const cgroups = openCgroups(dataDir);
  const ociRuntime = makeOciRuntime({ directory: join(runDir, "oci"), cgroupsPath: cgroups.pathOf("trial") });
  return {
    network,
    runtimes: [localRuntime, ociRuntime, sandboxRuntime],
    cgroups,
    facts: { "kelvin.dev/resource-limits": cgroups.fact },
  };
}

/** The variable by which the processes of one cluster are found; apps/cli knows it too. */
const MARK = "KELVIN_CLUSTER";

async function openLoopback({ dataDir, loopbackBlock }: ClusterConfig): Promise<NodePlace> {
  if (loopbackBlock === undefined) throw new Error("--loopback-block is needed");
  const { openLoopbackNetwork } = await import("./network/loopback/loopback-network.ts");
  const { makeLoopbackRuntime } = await import("./node-agent/runtime/loopback-runtime.ts");
  const { killMarked } = await import("./node-agent/marked-processes.ts");
  // Nothing ends with us by itself here: what a former life left behind goes now, what we leave behind at our end.
  killMarked(MARK, dataDir);
  process.once("exit", () => killMarked(MARK, dataDir));
  const tether = spawnSync("setpriv", ["--pdeathsig", "KILL", "true"], { stdio: "ignore" });
  const cgroups = noCgroups("there are none on the loopback network");
  const runtime = makeLoopbackRuntime({
    block: loopbackBlock,
    mark: { [MARK]: dataDir },
    tether: tether.status === 0 ? ["setpriv", "--pdeathsig", "KILL"] : [],
  });
  return {
    network: openLoopbackNetwork(),
    runtimes: [runtime],
    cgroups,
    facts: {
      "kelvin.dev/runtime.sandbox": "not there: the loopback network has no mounts",
      "kelvin.dev/runtime.oci": "not there: the loopback network has no mounts",
      "kelvin.dev/resource-limits": cgroups.fact,
    },
  };
}
