import { spawnSync } from "node:child_process";
import { StartError } from "../usage-error.ts";
import { namespaceCommand, toolPath } from "./cluster-process.ts";

const tools = [
  { name: "unshare", from: "util-linux" },
  { name: "nsenter", from: "util-linux" },
  { name: "setpriv", from: "util-linux" },
  { name: "mount", from: "util-linux (or mount)" },
  { name: "ip", from: "iproute2" },
];

/** @throws StartError with one line on a system that cannot run the local cluster at all. */
export function requireLinux(platform: string): void {
  if (platform === "linux") return;
  const name = platform === "darwin" ? "macOS" : platform === "win32" ? "Windows" : platform;
  const remedy = platform === "win32" ? "run it inside WSL2" : "run it in a Linux virtual machine";
  throw new StartError(`kelvin start is not supported on ${name} yet: ${remedy}.`);
}

/**
 * Looks for the reason why the cluster did not come up in its namespaces. Asked only after a failure, so that a start
 * that works does not pay for it. `undefined` when the namespaces work.
 */
export function diagnoseNamespaces(): string | undefined {
  const env = { ...process.env, PATH: toolPath(process.env.PATH) };
  for (const { name, from } of tools) {
    const found = spawnSync(name, ["--version"], { env, stdio: "ignore" });
    if (found.error !== undefined)
      return `"${name}" is missing. Install ${from}, for example: sudo apt-get install ${from.split(" ")[0]}`;
  }
  const isRoot = process.getuid?.() === 0;
  const [file, ...args] = [...namespaceCommand(isRoot), "ip", "link", "add", "kelvin0", "type", "bridge"];
  const trial = spawnSync(file, args, { env, encoding: "utf8" });
  if (trial.status === 0) return undefined;
  const reason = trial.stderr.trim().replaceAll("\n", "; ");
  const remedy = isRoot
    ? "This root may not make namespaces; in a container, run it with --privileged (or CAP_SYS_ADMIN and CAP_NET_ADMIN); elsewhere look at sysctl user.max_net_namespaces."
    : "Allow unprivileged user namespaces (sysctl kernel.unprivileged_userns_clone=1 user.max_user_namespaces=15000 " +
      "kernel.apparmor_restrict_unprivileged_userns=0), or run as root.";
  return `this machine refuses the namespaces that the local cluster lives in (${reason}). ${remedy}`;
}
