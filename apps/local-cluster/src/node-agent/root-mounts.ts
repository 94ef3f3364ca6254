import { existsSync, mkdirSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../network/command.ts";
import { prepareDevices } from "./devices.ts";

/** Where Pods find their ServiceAccount; made once for all, so that starting a Pod needs no overlay of its own. */
const COMMON_TARGET = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * Makes the places where every Pod's ServiceAccount and last words are mounted. We are in a mount namespace of our own, and
 * the host's directories must not get anything new: an overlay, or where the kernel refuses that an empty file system,
 * covers /run.
 */
export async function prepareRootMounts(scratch: string): Promise<void> {
  await Promise.all([prepareRun(scratch), prepareDevices(scratch)]);
}

async function prepareRun(scratch: string): Promise<void> {
  const run = existsSync("/var/run") ? realpathSync("/var/run") : "/run";
  const [upper, work] = [join(scratch, "upper"), join(scratch, "work")];
  mkdirSync(upper, { recursive: true });
  mkdirSync(work, { recursive: true });
  try {
    await runCommand([
      "mount",
      "-t",
      "overlay",
      "overlay",
      "-o",
      `lowerdir=${run},upperdir=${upper},workdir=${work}`,
      run,
    ]);
  } catch {
    // Kernels before 5.11 have no overlays for ordinary users. Pods then do not see the host's /run, as on a cluster.
    await runCommand(["mount", "-t", "tmpfs", "kelvin-run", run]);
  }
  mkdirSync(COMMON_TARGET, { recursive: true });
}
