import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import type { Server, Socket } from "node:net";
import { delimiter, join } from "node:path";
import { bindHostPort } from "./host-ports.ts";
import type { StartOptions } from "./options.ts";
import type { ChosenPorts } from "./set-ports.ts";
import { type HostServices, machineOutside, openOutside, type OutsideAnswer, type OutsideRequest } from "./outside.ts";

/** What passes between us and the cluster. The same shapes are in apps/local-cluster/src/network/host-ports.ts. */
type HostMessage =
  | { type: "listener"; port: number }
  | { type: "published"; port: number }
  | { type: "publish-failed"; port: number; message: string }
  | OutsideAnswer
  | { type: "stop" };

type ClusterMessage =
  | { type: "publish"; port: number }
  | OutsideRequest
  | { type: "serving"; url: string }
  | { type: "failed"; message: string };

export interface ClusterProcess {
  readonly pid: number;
  /** Resolves when the API server answers. Rejects with the cluster's own words when it never will. */
  readonly serving: Promise<void>;
  /** Resolves when everything inside has ended. */
  readonly exited: Promise<void>;
  /** Gives listening sockets to the cluster. */
  publish(port: number, servers: readonly Server[]): Promise<void>;
  stop(): void;
  kill(): void;
}

const LOG_BYTES_MAX = 10 * 1024 * 1024;
/** Ordinary users often lack the directories in which `ip` lives. */
const TOOL_PATHS = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** The search path for the tools we need: the user's, and then where system tools are. */
export function toolPath(path: string | undefined): string {
  return [path ?? "/usr/local/bin:/usr/bin:/bin", ...TOOL_PATHS].join(delimiter);
}

/**
 * The command that makes the namespaces. The end of this process ends unshare, and that ends process 1 of the new PID
 * namespace and with it every other in there, whatever state they are in. Process 1 is a shell because it must reap
 * orphans, which node does not.
 */
export function namespaceCommand(isRoot: boolean): string[] {
  const userNamespace = isRoot ? [] : ["--user", "--map-root-user"];
  const others = ["--pid", "--fork", "--kill-child=KILL", "--mount", "--mount-proc", "--net", "--uts", "--ipc"];
  return ["setpriv", "--pdeathsig", "KILL", "unshare", ...userNamespace, ...others];
}

/** How the cluster keeps its Pods apart, and what it is told about that. */
export interface ClusterNetwork {
  /** Words before the node that runs it. */
  readonly words: readonly string[];
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Ends what may be left of it after its process has ended. */
  endRest(): void;
}

/** Everything in namespaces that end with their first process. */
export function namespaceNetwork(isRoot: boolean): ClusterNetwork {
  const words = [...namespaceCommand(isRoot), "/bin/sh", "-c", '"$@" & wait $!', "init"];
  return { words, options: ["--network", "namespaces"], env: {}, endRest: () => undefined };
}

export interface ClusterProcessOptions {
  readonly start: StartOptions & Pick<ChosenPorts, "registryPort">;
  readonly repository: string;
  readonly network: ClusterNetwork;
  /** The ports that are bound already, and will be published unasked. */
  readonly heldPorts: Iterable<number>;
  /** What of this machine's loopback Pods may reach. */
  readonly hostServices: HostServices;
  /** Ports of the outside that they must reach, whatever else. */
  readonly neededPorts: readonly number[];
}

/** Spawns the cluster. Its output goes to `<data-dir>/logs/local-cluster.log`. */
export function openClusterProcess(cluster: ClusterProcessOptions): ClusterProcess {
  const { start: options, network, heldPorts, hostServices } = cluster;
  const log = openLog(join(options.dataDir, "logs"));
  const command = [...nodeCommand(cluster), ...network.options];
  const [file = "", ...args] = [...network.words, ...command];
  const child = spawn(file, args, {
    // A session of its own: Ctrl-C reaches every process of the terminal's group, and must not cut short our stop.
    detached: true,
    stdio: ["ignore", log, log, "ipc"],
    env: {
      ...process.env,
      PATH: toolPath(process.env.PATH),
      NODE_COMPILE_CACHE: join(options.dataDir, "compile-cache"),
      ...network.env,
    },
  });
  closeSync(log);
  return followCluster(child, network, { egress: options.egress, heldPorts: new Set(heldPorts), hostServices });
}

function nodeCommand({ start: options, repository, neededPorts }: ClusterProcessOptions): string[] {
  const main = join(repository, "apps", "local-cluster", "src", "main.ts");
  const images = options.imagesDir === undefined ? [] : ["--images-dir", options.imagesDir];
  return [
    process.execPath,
    "--conditions=@kelvin/source",
    "--disable-warning=ExperimentalWarning",
    main,
    "--data-dir",
    options.dataDir,
    "--api-port",
    String(options.apiPort),
    "--registry-port",
    String(options.registryPort),
    ...images,
    "--authorization",
    options.authorization,
    "--egress",
    options.egress,
    "--egress-ports",
    [options.egressPorts ?? "usual", ...neededPorts].join(","),
    ...(options.isEphemeral ? ["--ephemeral"] : []),
  ];
}

function openLog(directory: string): number {
  mkdirSync(directory, { recursive: true });
  const file = join(directory, "local-cluster.log");
  if (existsSync(file) && statSync(file).size > LOG_BYTES_MAX) {
    rmSync(`${file}.1`, { force: true });
    renameSync(file, `${file}.1`);
  }
  return openSync(file, "a");
}

/** What the host side does for the cluster. */
interface Services extends Pick<StartOptions, "egress"> {
  readonly heldPorts: Set<number>;
  readonly hostServices: HostServices;
}

function bindFailureOf(port: number, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === "EADDRINUSE" ? `port ${port} is in use on the host` : message;
}

function followCluster(child: ChildProcess, network: ClusterNetwork, services: Services): ClusterProcess {
  const { egress, heldPorts, hostServices } = services;
  const serving = Promise.withResolvers<void>();
  const exited = Promise.withResolvers<void>();
  // Whoever does not wait for it any more need not hear of it.
  serving.promise.catch(() => undefined);
  child.once("error", (error) => {
    serving.reject(new Error(`cannot start the local cluster: ${error.message}`, { cause: error }));
    exited.resolve();
  });
  child.once("exit", (code, signal) => {
    network.endRest();
    serving.reject(new Error(`the local cluster ended while it started (${signal ?? `exit code ${code ?? 0}`})`));
    exited.resolve();
  });
  child.on("message", (message) => {
    const received = message as ClusterMessage;
    if (received.type === "serving") serving.resolve();
    else if (received.type === "failed") serving.reject(new Error(received.message));
    else if (received.type === "publish") answer(received.port).catch(reportLost);
    else answerOutside(received).catch(reportLost);
  });

  async function answer(port: number): Promise<void> {
    // A cluster that is quick asks before ours is on its way.
    if (heldPorts.has(port)) return;
    try {
      await publish(port, await bindHostPort(port));
    } catch (error) {
      await send({ type: "publish-failed", port, message: bindFailureOf(port, error) });
    }
  }

  async function publish(port: number, servers: readonly Server[]): Promise<void> {
    for (const server of servers) {
      await send({ type: "listener", port }, server);
      // The cluster has the socket now; ours would go on accepting beside it.
      server.close();
    }
    await send({ type: "published", port });
    heldPorts.delete(port);
  }

  const outside = openOutside(send, { ...machineOutside, hostServices });
  async function answerOutside(request: OutsideRequest): Promise<void> {
    // A cluster that was told to stay inside does not ask; one that asks all the same gets nowhere.
    if (egress === "on") await outside(request);
  }

  function send(message: HostMessage, socket?: Server | Socket): Promise<void> {
    return new Promise((resolve, reject) => {
      // Node forgets what waits to be sent when the other side goes away. Whoever waits for it learns of the end elsewhere.
      exited.promise.then(resolve, reject);
      if (!child.connected) {
        resolve();
        return;
      }
      child.send(message, socket, { keepOpen: false }, (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
  }

  // The channel breaks when the cluster ends, and its exit is told already.
  const reportLost = (): void => undefined;
  return {
    pid: child.pid ?? 0,
    serving: serving.promise,
    exited: exited.promise,
    publish,
    stop: () => {
      send({ type: "stop" }).catch(reportLost);
    },
    kill: () => {
      child.kill("SIGKILL");
    },
  };
}
