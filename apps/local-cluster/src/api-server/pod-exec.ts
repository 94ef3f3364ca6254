import type { Readable, Writable } from "node:stream";
import type { ContainerName } from "./pod-logs.ts";

/** A command to run inside a container that runs. */
export interface ExecOptions {
  readonly command: readonly string[];
  /** Whether input will come; without it the command reads an empty one. */
  readonly hasStdin: boolean;
  /** A terminal: output and errors come as one, and lines are edited on the other side. */
  readonly isTerminal: boolean;
}

/** Of a terminal, in characters; 1 to 65535 each. */
export interface WindowSize {
  readonly columns: number;
  readonly rows: number;
}

/** A command that runs. */
export interface ExecSession {
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves with the exit code; 128 and the signal's number when a signal ended it. */
  readonly exited: Promise<number>;
  /** Tells its terminal, where it has one, how large the window is now. Never rejects. */
  resize(size: WindowSize): Promise<void>;
  /** Ends the command at once. Harmless when it has ended. */
  kill(): void;
}

/** The port through which the API server runs commands in containers. The node agent implements it. */
export interface PodExec {
  /** @throws PodExecError when the container does not run; its message is for the user. */
  openExec(container: ContainerName, options: ExecOptions): Promise<ExecSession>;
}

/** The command cannot be run there; the message says why, as in `container not found ("c")`. */
export class PodExecError extends Error {
  override readonly name = "PodExecError";
}
