import { readdirSync, readFileSync, readlinkSync } from "node:fs";

/** What of one Kelvin is on the machine; all of it must be gone once it has stopped. */
export interface MachineState {
  /** Pid and command line of processes whose command or environment names the data directory. */
  readonly processes: string[];
  /** Which of its published ports something listens on. */
  readonly listeningPorts: number[];
  /** Mounts, as this process sees them, that name the data directory. */
  readonly mounts: string[];
  /** Network namespaces that its processes live in, this process's own aside. */
  readonly networkNamespaces: string[];
}

/** Reads it from /proc. */
export function readMachineState({ dataDir, ports }: { dataDir: string; ports: readonly number[] }): MachineState {
  const own = readlinkSync("/proc/self/ns/net");
  const processes: string[] = [];
  const namespaces = new Set<string>();
  for (const pid of pids()) {
    const environment = tryRead(() => readFileSync(`/proc/${pid}/environ`, "utf8"));
    const command = tryRead(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"))
      .replaceAll("\0", " ")
      .trim();
    if (pid === process.pid || !`${environment}${command}`.includes(dataDir)) continue;
    processes.push(`${pid} ${command}`);
    namespaces.add(tryRead(() => readlinkSync(`/proc/${pid}/ns/net`)));
  }
  const listening = new Set([...listeningPorts("/proc/net/tcp"), ...listeningPorts("/proc/net/tcp6")]);
  return {
    processes,
    listeningPorts: ports.filter((port) => listening.has(port)),
    mounts: readFileSync("/proc/self/mountinfo", "utf8")
      .split("\n")
      .filter((line) => line.includes(dataDir)),
    networkNamespaces: [...namespaces].filter((namespace) => namespace !== "" && namespace !== own),
  };
}

/** Network namespaces, of those given, that any process is still in. */
export function findLiving(networkNamespaces: readonly string[]): string[] {
  const living = new Set(pids().map((pid) => tryRead(() => readlinkSync(`/proc/${pid}/ns/net`))));
  return networkNamespaces.filter((namespace) => living.has(namespace));
}

function pids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function listeningPorts(file: string): number[] {
  const listen = "0A";
  return tryRead(() => readFileSync(file, "utf8"))
    .split("\n")
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[3] === listen)
    .map((fields) => Number.parseInt(fields[1]?.split(":")[1] ?? "", 16));
}

function tryRead(read: () => string): string {
  try {
    return read();
  } catch {
    // The process ended while it was looked at, or belongs to somebody else.
    return "";
  }
}
