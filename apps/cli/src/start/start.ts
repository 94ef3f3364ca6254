import { join } from "node:path";
import type { Server } from "node:net";
import { StartError } from "../usage-error.ts";
import { type ClusterNetwork, type ClusterProcess, namespaceNetwork, openClusterProcess } from "./cluster-process.ts";
import { openBuses, type OpenBuses, requireWayOut } from "./buses/buses.ts";
import { bindFreeHostPort, bindHostPort, describeBindFailure } from "./host-ports.ts";
import { describeLoopback, openLoopbackNetwork } from "./loopback-network.ts";
import { readLogTail } from "./log-tail.ts";
import { followNpm } from "./npm-parent.ts";
import type { StartOptions } from "./options.ts";
import { diagnoseNamespaces, requireLinux } from "./preflight.ts";
import { openProgress, type Progress } from "./progress.ts";
import { repositoryRoot } from "./repository.ts";
import { OVERLAY_REGISTRY_PORT } from "./set-ports.ts";
import { followSignals, type StopSignals } from "./signals.ts";

/** What a stop may take in all is 15 s; the cluster itself gives its Pods 8. */
const STOP_DEADLINE_MS = 13_000;

/** Runs the local cluster with everything on it until it is told to stop. Gives the exit code. */
export async function runStart(options: StartOptions): Promise<number> {
  requireLinux(process.platform);
  const startMs = performance.now() - process.uptime() * 1000;
  const progress = openProgress(
    startMs,
    (text) => process.stderr.write(text),
    () => performance.now(),
  );
  const signals = followSignals(process, () => performance.now());
  const npm = followNpm(process, () => process.kill(process.pid, "SIGTERM"));
  try {
    return await chooseNetwork(options, { progress, signals });
  } finally {
    npm.close();
    signals.close();
  }
}

interface Surroundings {
  progress: Progress;
  signals: StopSignals;
}

/** This machine does not let us have namespaces; the message says why. */
class NamespacesRefusedError extends StartError {}

async function chooseNetwork(options: StartOptions, surroundings: Surroundings): Promise<number> {
  requireWayOut(options);
  const namespaces = namespaceNetwork(process.getuid?.() === 0);
  let reason: string | undefined;
  if (options.network !== "loopback") {
    try {
      return await runCluster(options, { ...surroundings, network: namespaces });
    } catch (error) {
      // Asked only now: a start that works does not pay for a trial.
      if (options.network !== "auto" || !(error instanceof NamespacesRefusedError)) throw error;
      requireWayOut({ ...options, network: "loopback" });
      reason = error.message;
    }
  }
  surroundings.progress.say(describeLoopback(reason));
  const network = await openLoopbackNetwork(options.dataDir, repositoryRoot);
  return runCluster(options, { ...surroundings, network });
}

interface Place extends Surroundings {
  network: ClusterNetwork;
}

async function runCluster(options: StartOptions, place: Place): Promise<number> {
  place.progress.say(`Starting in ${options.dataDir}`);
  const ports = await bindPorts(options);
  try {
    const registry = await bindRegistryPort(options, place.progress);
    ports.set(registry.port, registry.servers);
    const { dataDir } = options;
    const buses = await openBuses(options.buses, { dataDir, say: (text) => place.progress.say(text) });
    try {
      return await runOnPorts({ ...options, registryPort: registry.port }, { ...place, ports, buses });
    } finally {
      await buses.close();
    }
  } finally {
    // What listens keeps a process alive; what the cluster has got is closed already.
    for (const server of [...ports.values()].flat()) server.close();
  }
}

interface Means extends Place {
  ports: ReadonlyMap<number, readonly Server[]>;
  buses: OpenBuses;
}

async function runOnPorts(
  options: StartOptions & { registryPort: number },
  { progress, signals, network, ports, buses }: Means,
): Promise<number> {
  const cluster = openClusterProcess({
    start: options,
    repository: repositoryRoot,
    network,
    heldPorts: ports.keys(),
    hostServices: buses.hostServices,
    neededPorts: buses.ports,
  });
  signals.onSecond(() => cluster.kill());
  const abort = AbortSignal.any([signals.stopped, abortOn(cluster.exited)]);
  try {
    for (const [port, servers] of ports) await cluster.publish(port, servers);
    // Loaded only now: meanwhile the cluster boots.
    const { bringUp } = await import("./bring-up.ts");
    await bringUp(cluster, { ...options, openBuses: buses }, { progress, signal: abort });
  } catch (error) {
    if (!signals.stopped.aborted) {
      await stopCluster(cluster);
      throw describeFailure(error, options, network);
    }
  }
  if (!signals.stopped.aborted) await Promise.race([cluster.exited, untilAborted(signals.stopped)]);
  if (!signals.stopped.aborted) {
    throw new StartError(`the local cluster ended by itself. Its last words:\n${readLogTail(clusterLog(options))}`);
  }
  progress.say("Stopping ...");
  await stopCluster(cluster);
  progress.say("Stopped");
  return 0;
}

async function bindPorts({ apiPort, httpPort }: StartOptions): Promise<Map<number, Server[]>> {
  const wanted: readonly [number, string][] = [
    [apiPort, "--api-port PORT"],
    [httpPort, "--http-port PORT"],
    [httpPort + 1, "--http-port PORT   (PORT + 1 must be free, too)"],
  ];
  const bound = new Map<number, Server[]>();
  for (const [port, option] of wanted) {
    try {
      bound.set(port, await bindHostPort(port));
    } catch (error) {
      for (const server of [...bound.values()].flat()) server.close();
      throw new StartError(describeBindFailure(port, option, error), { cause: error });
    }
  }
  return bound;
}

/** Builds need some registry, not a certain port: only who asked for one is told that it is taken. */
async function bindRegistryPort(
  { registryPort }: StartOptions,
  progress: Progress,
): Promise<{ port: number; servers: Server[] }> {
  const port = registryPort ?? OVERLAY_REGISTRY_PORT;
  try {
    return { port, servers: await bindHostPort(port) };
  } catch (error) {
    if (registryPort !== undefined) {
      throw new StartError(describeBindFailure(port, "--registry-port PORT", error), { cause: error });
    }
    const free = await bindFreeHostPort();
    progress.say(
      `Port ${port} is in use: on this machine the image registry is localhost:${free.port} (--registry-port)`,
    );
    return free;
  }
}

async function stopCluster(cluster: ClusterProcess): Promise<void> {
  cluster.stop();
  const deadline = setTimeout(() => cluster.kill(), STOP_DEADLINE_MS);
  await cluster.exited;
  clearTimeout(deadline);
}

function describeFailure(error: unknown, options: StartOptions, { words }: ClusterNetwork): StartError {
  if (error instanceof StartError) return error;
  const reason = words.length === 0 ? undefined : diagnoseNamespaces();
  if (reason !== undefined) return new NamespacesRefusedError(reason, { cause: error });
  const cause = error instanceof Error ? error.message : String(error);
  const log = clusterLog(options);
  return new StartError(`${cause}\nLast lines of ${log}:\n${readLogTail(log)}`, { cause: error });
}

function clusterLog({ dataDir }: StartOptions): string {
  return join(dataDir, "logs", "local-cluster.log");
}

function abortOn(event: Promise<void>): AbortSignal {
  const abort = new AbortController();
  event.then(() => abort.abort(new Error("the local cluster ended"))).catch(() => undefined);
  return abort.signal;
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
