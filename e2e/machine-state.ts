import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What a stopped Kelvin must not leave behind on the machine. */
export interface MachineState {
  /** Command lines of processes that mention the data directory, this repository's apps or its pods. */
  readonly processes: string[];
  readonly listeningPorts: string[];
  readonly mounts: string[];
  readonly networkNamespaces: string[];
}

/** Reads it, as far as it concerns what `marker` (a data directory) names. */
export function readMachineState(marker: string): MachineState {
  const processes: string[] = [];
  const namespaces = new Set<string>();
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    const environment = tryRead(() => readFileSync(`/proc/${pid}/environ`, "utf8"));
    const command = tryRead(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"))
      .replaceAll("\0", " ")
      .trim();
    const namespace = tryRead(() => readlinkSync(`/proc/${pid}/ns/net`));
    if (namespace !== "") namespaces.add(namespace);
    if (`${environment}${command}`.includes(marker) && Number(pid) !== process.pid) processes.push(`${pid} ${command}`);
  }
  return {
    processes,
    listeningPorts: [...listening("/proc/net/tcp"), ...listening("/proc/net/tcp6")].toSorted(),
    mounts: readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(marker)),
    networkNamespaces: [...namespaces].toSorted(),
  };
}

function listening(file: string): string[] {
  const listen = "0A";
  return tryRead(() => readFileSync(file, "utf8"))
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === listen)
    .map((fields) => fields[1] ?? "");
}

function tryRead(read: () => string): string {
  try {
    return read();
  } catch {
    // The process ended while it was looked at, or belongs to somebody else.
    return "";
  }
}
