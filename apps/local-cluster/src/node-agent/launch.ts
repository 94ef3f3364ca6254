import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, fstatSync, openSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { constants } from "node:os";
import type { PodNetwork } from "../network/network.ts";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { killTree } from "./process-tree.ts";
import type { LaunchPlan, WatchedApp } from "./runtime/runtime.ts";
import { toolFile, toolPath } from "./runtime/tools.ts";
import type { ContainerLog } from "./container-log.ts";
import type { OutputPipes } from "./output-pipes.ts";

/** How long the output of a container that has ended is waited for: a child that it left behind may hold the pipe for ever. */
const DRAIN_TIMEOUT_MS = 1_000;
/** How soon after the spawn the launcher is certain to have become the app. */
const SETTLE_DELAY_MS = 100;

export interface LaunchOptions {
  readonly command: readonly string[];
  readonly network: PodNetwork;
  /** How the container is set apart. */
  readonly launch: LaunchPlan;
  readonly signalsGroup: boolean;
  readonly outputPipes: OutputPipes;
}

/** What a container is known by once it has begun. */
export interface Beginning {
  readonly id: string;
  readonly log: ContainerLog;
}

export interface ContainerExit {
  readonly exitCode: number;
  readonly signal?: number;
}

/** A running container. Its first process is the app; whatever that leaves behind is found by its mount namespace. */
export interface ContainerProcess {
  readonly id: string;
  readonly pid: number;
  /** Resolves when the app has ended, its output is written and no process of it is left. */
  readonly exited: Promise<ContainerExit>;
  terminate(): void;
  kill(): void;
  /** Resolves when the launcher has become the app, or has ended: before, there is nothing to enter. */
  begun(): Promise<void>;
  /** Words to put before a command so that it runs inside the container. */
  enter(hasTerminal: boolean): string[];
}

const BEGIN_POLL_MS = 2;
const FINISHERS = ["nsenter", "setpriv"].map(toolFile);
const PREPARE_FAILURE = "kelvin: cannot prepare the container";

/** Exit code of a launch that failed before the app began, as container runtimes report it. */
export const startErrorExitCode = 128;

/** In one that waits, a word comes when it is to go on. An end without one: nobody is there any more who wants it. */
const TURN = "read -r _ <&3 && exec 3<&- &&";

const script = (preparation: string, turn: "" | typeof TURN): string =>
  `{ ${preparation}
${turn} cd -P "$1"; } || { echo "${PREPARE_FAILURE}" >&2; exit ${startErrorExitCode}; }
PATH="$2"
export PATH
shift 2
exec "$@"`;

/**
 * Starts a container: what sets it apart and sh follow each other by exec in one process, so the pid is the app's.
 * @throws Error when no process could be made at all.
 */
export async function launchContainer(options: LaunchOptions, beginning: Beginning): Promise<ContainerProcess> {
  const { child, output } = await spawnLauncher(options, "");
  return followProcess(child, output, { ...options, ...beginning });
}

/** A container that is set apart already, but whose app has not begun. */
export interface WaitingLaunch {
  /** Whether it may still begin: its preparation has not failed so far, and it was not dropped. */
  readonly isWaiting: boolean;
  begin(beginning: Beginning): ContainerProcess;
  /** Ends it, if it has not begun. Resolves when nothing is left of it. */
  drop(): Promise<void>;
}

/** Sets a container apart before its turn. It ends by itself when we do. @throws Error when no process could be made at all. */
export async function prepareLaunch(options: LaunchOptions): Promise<WaitingLaunch> {
  const { child, output } = await spawnLauncher(options, TURN);
  let isWaiting = true;
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => {
      if (isWaiting) closeOutput();
      resolve();
    });
  });
  const closeOutput = (): void => {
    isWaiting = false;
    output.stdout.destroy();
    output.stderr.destroy();
  };
  const turn = child.stdio[3] as Writable;
  // It has ended in the same moment, which its exit tells.
  turn.on("error", () => undefined);
  return {
    get isWaiting() {
      return isWaiting;
    },
    begin(beginning) {
      isWaiting = false;
      const process = followProcess(child, output, { ...options, ...beginning });
      turn.end("\n");
      return process;
    },
    async drop() {
      if (!isWaiting) return;
      closeOutput();
      signalProcess(-(child.pid ?? 0), "SIGKILL");
      await ended;
    },
  };
}

async function spawnLauncher(
  options: LaunchOptions,
  turn: "" | typeof TURN,
): Promise<{ child: ChildProcess; output: Output }> {
  const { network, launch, command } = options;
  // Who watches over the app knows what it is to get, and must not be misled by it.
  const env: Readonly<Record<string, string>> = launch.watched === undefined ? launch.env : { PATH: toolPath };
  const app = launch.watched === undefined ? command : [];
  const words = [...launch.words, "/bin/sh", "-c", script(launch.script, turn), "kelvin", launch.directory];
  const [file = "", ...args] = [...network.enter, ...words, env.PATH ?? "", ...launch.finish, ...app];
  // The tools are found by this search path; what the container says of its own counts for the app alone.
  const launchEnv = { ...env, PATH: toolPath };
  const [stdout, stderr] = await Promise.all([options.outputPipes.open(), options.outputPipes.open()]);
  const output = { stdout: stdout.readable, stderr: stderr.readable };
  try {
    // A session of its own: signals to the group reach this container only.
    const child = spawn(file, args, {
      env: launchEnv,
      stdio: ["ignore", stdout.writer, stderr.writer, ...(turn === "" ? [] : ["pipe" as const])],
      detached: true,
    });
    await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("spawn", resolve);
    });
    return { child, output };
  } catch (error) {
    output.stdout.destroy();
    output.stderr.destroy();
    throw error;
  } finally {
    stdout.closeWriter();
    stderr.closeWriter();
  }
}

interface Output {
  readonly stdout: Readable;
  readonly stderr: Readable;
}

function followProcess(
  child: ChildProcess,
  { stdout, stderr }: Output,
  { id, log, network, launch, signalsGroup }: LaunchOptions & Beginning,
): ContainerProcess {
  const pid = child.pid ?? 0;
  const { watched } = launch;
  let mountNamespace: HeldNamespace | undefined;
  let isOver = false;
  const settle = setTimeout(() => {
    mountNamespace ??= holdNamespace(pid);
  }, SETTLE_DELAY_MS);
  settle.unref();
  const drained = captureOutput({ stdout, stderr }, log);

  function killAll(): void {
    // Afterwards neither the number of the process nor that of the namespace is ours any more.
    if (isOver) return;
    // Who watches over it then tells of its end, and writes what it has said by then.
    if (watched !== undefined) return endWatched(pid, watched);
    mountNamespace ??= holdNamespace(pid);
    signalProcess(-pid, "SIGKILL");
    if (mountNamespace === undefined || mountNamespace.name === namespaceOf("self")) return;
    for (const member of membersOf(mountNamespace.name)) signalProcess(member, "SIGKILL");
  }

  async function begun(): Promise<void> {
    const isBeginning = (): boolean =>
      watched === undefined ? isLauncher(pid, launch.finish) : watched.pid() === undefined;
    while (!isOver && isBeginning()) await delay(BEGIN_POLL_MS);
  }

  const exited = new Promise<ContainerExit>((resolve, reject) => {
    child.once("exit", (code, signal) => {
      clearTimeout(settle);
      // A watcher that was killed leaves its app behind.
      if (watched === undefined || (signal !== null && watched.pid() !== undefined)) killAll();
      mountNamespace?.release();
      isOver = true;
      const hasFailedToStart = watched !== undefined && watched.pid() === undefined && signal === null;
      const exit = hasFailedToStart ? { exitCode: startErrorExitCode } : exitOf(code, signal);
      drained
        .within(DRAIN_TIMEOUT_MS)
        .then(() => {
          resolve(exit);
        })
        .catch(reject);
    });
  });

  return {
    id,
    pid,
    exited,
    terminate() {
      if (watched !== undefined) return terminateWatched(watched, begun(), () => isOver);
      mountNamespace ??= holdNamespace(pid);
      signalProcess(signalsGroup ? -pid : pid, "SIGTERM");
    },
    kill: killAll,
    begun,
    enter: (hasTerminal) => [...network.enter, ...launch.enter(pid, hasTerminal)],
  };
}

/** A watcher that has not begun yet would end without having told the app. */
function terminateWatched(app: WatchedApp, begun: Promise<void>, isOver: () => boolean): void {
  begun.then(
    () => {
      const appPid = app.pid();
      if (!isOver() && appPid !== undefined) signalProcess(appPid, "SIGTERM");
    },
    // There is nothing in it that could fail.
    () => undefined,
  );
}

/** With the app all else in its container ends; before it has begun, all that was to become it. */
function endWatched(watcher: number, app: WatchedApp): void {
  const appPid = app.pid();
  if (appPid === undefined) killTree(watcher);
  else signalProcess(appPid, "SIGKILL");
}

function isLauncher(pid: number, finish: readonly string[]): boolean {
  try {
    return areLauncherWords(readFileSync(`/proc/${pid}/cmdline`, "utf8"), finish);
  } catch {
    // It has ended.
    return false;
  }
}

/**
 * Whether the words of a process, as in `/proc/<pid>/cmdline`, are the launcher's. Until its last change all its stages have
 * its script among their words; then it is one of the last programs. While one program becomes the next there are none.
 */
export function areLauncherWords(words: string, finish: readonly string[]): boolean {
  if (words === "") return true;
  const program = words.slice(0, words.indexOf("\0"));
  return words.includes(PREPARE_FAILURE) || (finish.includes(program) && FINISHERS.includes(program));
}

/** Writes output to the log, which `within` closes once all of it has come, or the time for it is up. */
function captureOutput(
  { stdout, stderr }: Output,
  log: ContainerLog,
): { within: (timeoutMs: number) => Promise<void> } {
  log.capture(stdout, "stdout");
  log.capture(stderr, "stderr");
  const drained = Promise.all([closed(stdout), closed(stderr)]);
  return {
    async within(timeoutMs) {
      const drain = setTimeout(() => {
        stdout.destroy();
        stderr.destroy();
      }, timeoutMs);
      await drained;
      clearTimeout(drain);
      log.close();
    },
  };
}

function closed(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    stream.once("close", resolve);
  });
}

function exitOf(code: number | null, signal: NodeJS.Signals | null): ContainerExit {
  if (signal === null) return { exitCode: code ?? 0 };
  const number = constants.signals[signal];
  return { exitCode: 128 + number, signal: number };
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It is gone, which is what every caller wants or can live with.
  }
}

/** A mount namespace that outlives its processes until it is released. */
interface HeldNamespace {
  readonly name: string;
  release(): void;
}

/**
 * Keeps the namespace of a process in being. The kernel gives the number of one that has ended to the next that is made:
 * by number alone, the end of one container would kill another that has just begun.
 */
function holdNamespace(pid: number): HeldNamespace | undefined {
  try {
    const descriptor = openSync(`/proc/${pid}/ns/mnt`, "r");
    return { name: `mnt:[${fstatSync(descriptor).ino}]`, release: () => closeSync(descriptor) };
  } catch {
    // Already gone, or a zombie: then it has no namespace to be found by.
    return undefined;
  }
}

function namespaceOf(pid: number | "self"): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    // Already gone, or a zombie: then it has no namespace to be found by.
    return undefined;
  }
}

function membersOf(mountNamespace: string): number[] {
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return pids.filter((pid) => namespaceOf(pid) === mountNamespace);
}
