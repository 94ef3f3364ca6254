import { mkdirSync } from "node:fs";
import { hostPlace } from "../host-place.ts";
import { planMounts, prepareMounts } from "../mounts.ts";
import { hostnameOf } from "../system-files.ts";
import type { ContainerSecurity } from "./container-security.ts";
import { lacksUser, privilegeWords } from "./privileges.ts";
import type { Runtime } from "./runtime.ts";
import { hostnameLine, shellQuote } from "./shell-quote.ts";
import { toolFile, toolPath } from "./tools.ts";

/** Processes of this machine in mount namespaces of their own: they see its files, and volumes where the Pod wants them. */
export const localRuntime: Runtime = {
  name: "local",
  lacks: ({ rootfs, security }) =>
    rootfs === undefined ? lacksUser(security) : "the image has a root file system of its own",
  plan(request) {
    const { pod, env, security, systemMounts, volumeMounts, agentMounts, scratch, workingDir } = request;
    const plan = planMounts([...systemMounts, ...agentMounts, ...volumeMounts], scratch);
    prepareMounts(plan);
    const closing = security.isRootReadOnly ? closeRoot(request.sharedCaches, plan.covered) : [];
    const finish = privilegeWords(security);
    return {
      words: ["unshare", "--mount", "--uts", "--propagation", "private"],
      script: [hostnameLine(hostnameOf(pod)), plan.script, ...closing].filter((line) => line !== "").join("\n"),
      directory: workingDir,
      finish,
      env,
      enter: (pid) => enterByShell(pid, { workingDir, env, security }),
    };
  },
};

/** Everything that is not a mount of its own by then becomes read-only. */
function closeRoot(open: readonly string[], covered: readonly string[]): string[] {
  for (const path of open) mkdirSync(path, { recursive: true });
  const keep = open.map((path) => `mount --no-mtab --bind ${shellQuote(path)} ${shellQuote(path)} &&`);
  const close = ["/", ...covered].map((path) => {
    const options = ["remount", "bind", "ro", ...hostPlace.lockedOptions(path)];
    return `mount --no-mtab -o ${options.join(",")} ${shellQuote(path)} &&`;
  });
  return [...keep, ...close];
}

const ENTER_SCRIPT = `cd "$1" || exit
PATH="$2"
export PATH
shift 2
exec "$@"`;

function enterByShell(
  pid: number,
  {
    workingDir,
    env,
    security,
  }: { workingDir: string; env: Readonly<Record<string, string>>; security: ContainerSecurity },
): string[] {
  const shell = ["/bin/sh", "-c", ENTER_SCRIPT, "kelvin", workingDir, env.PATH ?? toolPath];
  return [
    toolFile("nsenter"),
    `--mount=/proc/${pid}/ns/mnt`,
    `--uts=/proc/${pid}/ns/uts`,
    ...shell,
    ...privilegeWords(security),
  ];
}
