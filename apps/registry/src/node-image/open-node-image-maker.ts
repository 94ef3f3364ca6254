import { spawn } from "node:child_process";
import { setPriority } from "node:os";
import type { Logger, RunningService } from "@kelvin/http-service";

/** The word that makes this program make the image, instead of serving. */
export const makeNodeImageCommand = "make-node-image";

const lowestPriority = 19;

/** The making of the image. */
export interface NodeImageMaker extends RunningService {
  /** Resolves when it has come to an end, good or bad. */
  readonly ended: Promise<void>;
}

/**
 * Makes the Node image in a process of its own, with what of the machine nobody else wants: packing takes seconds and memory
 * that the registry is to have neither of. A failure is logged; the next start tries again.
 */
export function openNodeImageMaker({ log }: { readonly log: Logger }): NodeImageMaker {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", makeNodeImageCommand], {
    stdio: ["ignore", "inherit", "inherit"],
  });
  const ended = new Promise<void>((resolve) => {
    child.once("error", (err) => {
      log.error({ err }, "The Node image could not be made");
      resolve();
    });
    child.once("exit", () => resolve());
  });
  if (child.pid !== undefined) lowerPriority(child.pid);
  return {
    ended,
    async close() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, lowestPriority);
  } catch {
    // It has ended already, or the system knows no priorities: it is only slower for others then.
  }
}
