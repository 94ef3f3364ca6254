import { join } from "node:path";
import type { ContainerSecurity } from "./container-security.ts";

/** A container as an OCI runtime is told of it; all paths are this machine's, but for `inside` and `workingDir`. */
export interface OciContainer {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly workingDir: string;
  /** Where its root is mounted by then. */
  readonly root: string;
  readonly hostname: string;
  readonly security: ContainerSecurity;
  /** Parents before children. */
  readonly mounts: readonly OciMount[];
  readonly cgroupsPath: string | undefined;
  /** All rights of root's are ours: devices can be made, and there are more groups than one. */
  readonly isMachineRoot: boolean;
}

export interface OciMount {
  readonly source: string;
  readonly inside: string;
  readonly isReadOnly: boolean;
  /** Options of the source's own mount that may not be dropped. */
  readonly lockedOptions: readonly string[];
}

const OCI_VERSION = "1.0.2";

/** What the common container engines leave to root in a container. */
const CAPABILITIES_PRESET = [
  "chown",
  "dac_override",
  "fowner",
  "fsetid",
  "kill",
  "mknod",
  "net_bind_service",
  "net_raw",
  "setfcap",
  "setgid",
  "setpcap",
  "setuid",
  "sys_chroot",
  "audit_write",
];

/** All that the kernel had when OCI 1.0.2 was written; a kernel that lacks one is forgiven. */
const CAPABILITIES_ALL = [
  ...CAPABILITIES_PRESET,
  "audit_control",
  "audit_read",
  "block_suspend",
  "bpf",
  "checkpoint_restore",
  "dac_read_search",
  "ipc_lock",
  "ipc_owner",
  "lease",
  "linux_immutable",
  "mac_admin",
  "mac_override",
  "net_admin",
  "net_broadcast",
  "perfmon",
  "sys_admin",
  "sys_boot",
  "sys_module",
  "sys_nice",
  "sys_pacct",
  "sys_ptrace",
  "sys_rawio",
  "sys_resource",
  "sys_time",
  "sys_tty_config",
  "syslog",
  "wake_alarm",
];

/** What of /proc and /sys tells of the machine, or would change it. */
const MASKED_PATHS = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
];
const READ_ONLY_PATHS = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

/** The `config.json` of a bundle, as the OCI runtime specification has it. */
export function makeOciConfig(container: OciContainer): object {
  const { command, env, workingDir, root, hostname, security, mounts, cgroupsPath } = container;
  const { user = { uid: 0, gid: 0, groups: [] } } = security;
  const capabilities = capabilitiesOf(security.capabilities);
  return {
    ociVersion: OCI_VERSION,
    process: {
      terminal: false,
      user: {
        uid: user.uid,
        gid: user.gid,
        ...(container.isMachineRoot && { additionalGids: user.groups }),
      },
      args: command,
      env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      cwd: join("/", workingDir),
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: !security.mayGainPrivileges,
    },
    root: { path: root, readonly: security.isRootReadOnly },
    hostname,
    mounts: [...systemMounts(container), ...mounts.map(bindMount)],
    linux: {
      // Its network is the Pod's, in which the runtime is started.
      namespaces: [
        ...["pid", "ipc", "uts", "mount"].map((type) => ({ type })),
        ...(cgroupsPath === undefined ? [] : [{ type: "cgroup" }]),
      ],
      ...(cgroupsPath !== undefined && {
        cgroupsPath,
        // Those that every container has are open all the same.
        resources: { devices: [{ allow: false, access: "rwm" }] },
      }),
      maskedPaths: MASKED_PATHS,
      readonlyPaths: READ_ONLY_PATHS,
    },
  };
}

function systemMounts({ cgroupsPath, isMachineRoot }: OciContainer): object[] {
  const quiet = ["nosuid", "noexec"];
  const system = (type: string, destination: string, options: readonly string[]): object => ({
    destination,
    type,
    source: type,
    options,
  });
  return [
    system("proc", "/proc", []),
    system("tmpfs", "/dev", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    system("devpts", "/dev/pts", [
      ...quiet,
      "newinstance",
      "ptmxmode=0666",
      "mode=0620",
      // The group of terminals, where there is more than one group.
      ...(isMachineRoot ? ["gid=5"] : []),
    ]),
    system("tmpfs", "/dev/shm", [...quiet, "nodev", "mode=1777", "size=65536k"]),
    system("mqueue", "/dev/mqueue", [...quiet, "nodev"]),
    system("sysfs", "/sys", [...quiet, "nodev", "ro"]),
    ...(cgroupsPath === undefined ? [] : [system("cgroup", "/sys/fs/cgroup", [...quiet, "nodev", "relatime", "ro"])]),
  ];
}

function bindMount({ source, inside, isReadOnly, lockedOptions }: OciMount): object {
  const options = isReadOnly ? ["rbind", "rprivate", "ro", ...lockedOptions] : ["rbind", "rprivate"];
  return { destination: inside, type: "bind", source, options };
}

function capabilitiesOf({ drop, add }: ContainerSecurity["capabilities"]): string[] {
  const kept = drop.includes("all") ? [] : CAPABILITIES_PRESET.filter((name) => !drop.includes(name));
  const added = add.includes("all") ? CAPABILITIES_ALL.filter((name) => !drop.includes(name)) : add;
  return [...new Set([...kept, ...added])].map((name) => `CAP_${name.toUpperCase()}`);
}
