import { closeSync, constants, mkdirSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { runCommand } from "../network/command.ts";

const BATCH_COUNT = 32;
/** So many are kept ready: a container takes two. */
const READY_MIN = 12;

/** A pipe for the output of a container. */
export interface OutputPipe {
  readonly readable: Readable;
  /** The writing end, for a child; ours is closed by `closeWriter` when the child has it. */
  readonly writer: number;
  readonly closeWriter: () => void;
}

/**
 * Makes pipes. What node gives a child by itself are sockets, and a program that opens /dev/stdout, as web servers do for
 * their logs, cannot open those. A named pipe without its name is a pipe; the names are made many at a time, beforehand.
 */
export interface OutputPipes {
  open(): Promise<OutputPipe>;
}

export function openOutputPipes(
  directory: string,
  reportError: (message: string, error: unknown) => void,
): OutputPipes {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const ready: string[] = [];
  let sequence = 0;
  let making: Promise<void> | undefined;

  async function make(): Promise<void> {
    const names = Array.from({ length: BATCH_COUNT }, () => join(directory, String(sequence++)));
    await runCommand(["mkfifo", "--mode=0622", ...names]);
    ready.push(...names);
  }

  function refill(): Promise<void> {
    making ??= make().finally(() => {
      making = undefined;
    });
    return making;
  }

  function refillBeforehand(): void {
    refill().catch((error: unknown) => {
      reportError("Failed to make pipes for the output of containers", error);
    });
  }

  refillBeforehand();
  return {
    async open() {
      while (ready.length === 0) await refill();
      const file = ready.shift() ?? "";
      if (ready.length < READY_MIN) refillBeforehand();
      return openPipe(file);
    },
  };
}

function openPipe(file: string): OutputPipe {
  // Without waiting for the other end, which is opened next.
  const reader = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = openSync(file, constants.O_WRONLY);
  rmSync(file);
  return {
    readable: new Socket({ fd: reader, readable: true, writable: false }),
    writer,
    closeWriter: () => closeSync(writer),
  };
}
