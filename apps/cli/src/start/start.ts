import { isAbsolute, join, resolve } from "node:path";
import { loadKubeConfig, openKubeClient } from "@kelvin/kube";
import { renderKustomization } from "../kustomize/render.ts";
import { StartError } from "../usage-error.ts";
import { applyManifests } from "./apply.ts";
import { awaitServices } from "./await-services.ts";
import { type ClusterProcess, openClusterProcess } from "./cluster-process.ts";
import { lockDataDir } from "./data-dir-lock.ts";
import { bindHostPort, describeBindFailure } from "./host-ports.ts";
import { readLogTail } from "./log-tail.ts";
import type { StartOptions } from "./options.ts";
import { diagnoseNamespaces, requireLinux } from "./preflight.ts";
import { openProgress, type Progress } from "./progress.ts";
import { repositoryRoot } from "./repository.ts";
import { followSignals, type StopSignals } from "./signals.ts";
import { setPorts } from "./set-ports.ts";

const READY_DEADLINE_MS = 60_000;
/** What a stop may take in all is 15 s; the cluster itself stops its Pods in 10. */
const STOP_DEADLINE_MS = 14_000;

/** Runs the local cluster with everything on it until it is told to stop. Gives the exit code. */
export async function runStart(given: StartOptions): Promise<number> {
  requireLinux(process.platform);
  const invokedIn = process.env.INIT_CWD ?? process.cwd();
  const options = resolvePaths(given, invokedIn);
  const progress = openProgress(
    -process.uptime() * 1000 + performance.now(),
    (text) => process.stderr.write(text),
    () => performance.now(),
  );
  const lock = lockDataDir(options.dataDir);
  const signals = followSignals(process, () => performance.now());
  try {
    return await runCluster(options, { progress, signals });
  } finally {
    lock.release();
    signals.close();
  }
}

/** A path is meant from where the user stands, which npm changes to the repository's root. */
function resolvePaths(options: StartOptions, invokedIn: string): StartOptions {
  const absolute = (path: string): string => (isAbsolute(path) ? path : resolve(invokedIn, path));
  const { imagesDir } = options;
  return {
    ...options,
    dataDir: absolute(options.dataDir),
    ...(imagesDir !== undefined && { imagesDir: absolute(imagesDir) }),
  };
}

interface Surroundings {
  progress: Progress;
  signals: StopSignals;
}

async function runCluster(options: StartOptions, { progress, signals }: Surroundings): Promise<number> {
  const ports = await bindPorts(options);
  const cluster = openClusterProcess(options, repositoryRoot);
  signals.onSecond(() => cluster.kill());
  const abort = AbortSignal.any([signals.stopped, abortOn(cluster.exited)]);
  try {
    for (const [port, servers] of ports) await cluster.publish(port, servers);
    await bringUp(cluster, options, { progress, abort });
  } catch (error) {
    if (!signals.stopped.aborted) {
      await stopCluster(cluster);
      throw describeFailure(error, options);
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

async function bindPorts({
  apiPort,
  httpPort,
}: StartOptions): Promise<Map<number, Awaited<ReturnType<typeof bindHostPort>>>> {
  const wanted: readonly [number, string][] = [
    [apiPort, "--api-port PORT"],
    [httpPort, "--http-port PORT"],
    [httpPort + 1, "--http-port PORT (PORT + 1 must be free as well)"],
  ];
  const bound = new Map<number, Awaited<ReturnType<typeof bindHostPort>>>();
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

async function bringUp(
  cluster: ClusterProcess,
  options: StartOptions,
  { progress, abort }: { progress: Progress; abort: AbortSignal },
): Promise<void> {
  const overlay = renderKustomization(join(repositoryRoot, "deploy", "overlays", "local"));
  const manifests = setPorts(overlay, options.httpPort);
  await cluster.serving;
  progress.say(`The API server answers on port ${options.apiPort}`);
  const kubeconfig = join(options.dataDir, "kubeconfig");
  const kube = openKubeClient(await loadKubeConfig({ path: kubeconfig }));
  const limits = { signal: AbortSignal.any([abort, AbortSignal.timeout(READY_DEADLINE_MS)]), progress };
  const gateway = `http://127.0.0.1:${options.httpPort}`;
  try {
    const { written, kept } = await applyManifests(kube, manifests, limits);
    progress.say(`Applied deploy/overlays/local: ${written} written, ${kept} as they were`);
    await awaitServices({ kube, gateway, ...limits });
  } finally {
    await kube.close();
  }
  const local = `http://127.0.0.1:${options.httpPort + 1}`;
  const api = `https://127.0.0.1:${options.apiPort}`;
  progress.say("All services are available");
  process.stdout.write(`Kelvin is ready: http=${gateway} local=${local} api=${api} kubeconfig=${kubeconfig}\n`);
}

async function stopCluster(cluster: ClusterProcess): Promise<void> {
  cluster.stop();
  const deadline = setTimeout(() => cluster.kill(), STOP_DEADLINE_MS);
  await cluster.exited;
  clearTimeout(deadline);
}

function describeFailure(error: unknown, options: StartOptions): StartError {
  const cause = error instanceof Error ? error.message : String(error);
  if (error instanceof StartError) return error;
  const reason = diagnoseNamespaces();
  if (reason !== undefined) return new StartError(reason, { cause: error });
  const tail = readLogTail(clusterLog(options));
  return new StartError(`${cause}\nLast lines of ${clusterLog(options)}:\n${tail}`, { cause: error });
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
  return new Promise((resolveNow) => {
    signal.addEventListener("abort", () => resolveNow(), { once: true });
  });
}
