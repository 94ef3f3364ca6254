import { fork, type ChildProcess } from "node:child_process";

// A program that is killed and started again needs a port of its own.
export { findLastingPort } from "./lasting-port.ts";

/** A program of ours as a process of its own, that can be killed and talks in messages. */
export interface ChildProgram {
  readonly pid: number;
  /** Resolves with the signal, or the exit code, when it is gone; it never rejects. */
  readonly ended: Promise<NodeJS.Signals | number | null>;
  readonly isAlive: boolean;
  /** Tells it something; nothing happens when it is gone. */
  tell(message: object): void;
  /** Resolves with the next message that `isIt` accepts. @throws Error when it ends before */
  hear<T extends object>(isIt: (message: object) => message is T): Promise<T>;
  /** SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
}

/** Bytes of what it said on stderr that an error quotes. */
const ERRORS_MAX = 4_096;

/**
 * Starts a TypeScript program of this repository with one argument, an object as JSON. What it says of its own goes into
 * the error when it ends too early.
 */
export function startChildProgram(path: string, argument: object): ChildProgram {
  const child: ChildProcess = fork(path, [JSON.stringify(argument)], {
    execPath: process.execPath,
    execArgv: ["--conditions=@kelvin/source", "--disable-warning=ExperimentalWarning"],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let errors = "";
  child.stderr?.on("data", (piece: Buffer) => {
    errors = (errors + piece.toString()).slice(-ERRORS_MAX);
  });
  const ended = new Promise<NodeJS.Signals | number | null>((resolve) => {
    child.once("exit", (code, signal) => {
      resolve(signal ?? code);
    });
  });
  // A pipe to somebody who was killed; `ended` tells.
  child.on("error", () => undefined);
  return {
    pid: child.pid ?? 0,
    ended,
    get isAlive() {
      return child.exitCode === null && child.signalCode === null;
    },
    tell(message) {
      if (child.connected) child.send(message, () => undefined);
    },
    hear: (isIt) => hear(child, isIt, () => errors),
    async kill() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function hear<T extends object>(
  child: ChildProcess,
  isIt: (message: object) => message is T,
  errors: () => string,
): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      child.off("message", onMessage).off("close", onClose);
    };
    const onMessage = (message: unknown): void => {
      if (typeof message !== "object" || message === null || !isIt(message)) return;
      stop();
      resolve(message);
    };
    const onClose = (code: number | null, signal: string | null): void => {
      stop();
      reject(new Error(`the program ended with ${String(signal ?? code)}: ${errors()}`));
    };
    child.on("message", onMessage).on("close", onClose);
  });
}
