// The processes that benchmarks start, and end.
import { spawn, type ChildProcess } from "node:child_process";
import { connect } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root. */
export const root: string = fileURLToPath(new URL("..", import.meta.url));

/** A process under test. */
export interface Subject {
  readonly pid: number;
  readonly process: ChildProcess;
  stop(signal?: "SIGTERM" | "SIGKILL"): Promise<void>;
}

export interface SubjectOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** For node, before the file. */
  readonly flags?: readonly string[];
  /** A file descriptor for its output. Default: only its errors are shown. */
  readonly out?: number;
  /** Whether its errors are shown. */
  readonly errors?: "inherit" | "ignore";
}

const running = new Set<ChildProcess>();
const scratch: string[] = [];
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
  // Those that were killed just now may still write for a moment.
  for (const directory of scratch) rmSync(directory, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(1));

/** A directory that is gone when the benchmark ends, also when it is broken off. */
export function makeScratchDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "kelvin-bench-"));
  scratch.push(directory);
  return directory;
}

/** Starts one of the repository's programs from its sources. */
export function startSubject(file: string, args: readonly string[], options: SubjectOptions = {}): Subject {
  const { flags = ["--conditions=@kelvin/source"] } = options;
  return startProgram(process.execPath, [...flags, file, ...args], options);
}

/** Starts any program. */
export function startProgram(program: string, args: readonly string[], options: SubjectOptions = {}): Subject {
  const { env = {}, cwd = root, out, errors = "inherit" } = options;
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", out ?? "ignore", errors],
  });
  running.add(child);
  const ended = new Promise<void>((resolve) => {
    child.once("exit", () => {
      running.delete(child);
      resolve();
    });
  });
  return {
    pid: child.pid ?? 0,
    process: child,
    async stop(signal = "SIGTERM") {
      child.kill(signal);
      const killer = setTimeout(() => child.kill("SIGKILL"), 5_000);
      await ended;
      clearTimeout(killer);
    },
  };
}

/** Resolves once something accepts on a port. @throws when nothing does in time, or the process ends first */
export async function untilAccepts(port: number, subject: Subject): Promise<void> {
  await until(() => accepts(port), { subject, what: `port ${port}` });
}

export interface Wait {
  readonly subject?: Subject;
  /** What is waited for, for the message. */
  readonly what: string;
  readonly waitMsMax?: number;
  readonly pauseMs?: number;
}

/** Asks again and again. @throws when the answer stays no for too long, or the process ends first */
export async function until(ask: () => Promise<boolean>, { subject, what, ...wait }: Wait): Promise<void> {
  const { waitMsMax = 30_000, pauseMs = 20 } = wait;
  const deadlineMs = performance.now() + waitMsMax;
  // oxlint-disable-next-line no-await-in-loop -- polling is one question after another
  while (!(await ask())) {
    if (subject !== undefined && subject.process.exitCode !== null) {
      throw new Error(`process ended with ${subject.process.exitCode} while waiting for ${what}`);
    }
    if (performance.now() > deadlineMs) throw new Error(`waited ${waitMsMax} ms in vain for ${what}`);
    // oxlint-disable-next-line no-await-in-loop -- polling is one question after another
    await sleep(pauseMs);
  }
}

/** What a child says next, over IPC. Rejects when it ends instead. */
export function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(new Error(`${child.spawnfile} ended`));
    child.once("exit", lost);
    child.once("message", (message) => {
      child.off("exit", lost);
      resolve(message);
    });
  });
}

export function sleep(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
