// What the operating system says of processes, and of the machine.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";

/** Where the figures were taken. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMb: number;
  readonly kernel: string;
  readonly node: string;
  /** Over the last minute, when the benchmark began: what else the machine was doing. */
  readonly load: number;
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryMb: Math.round(totalmem() / 1_048_576),
    kernel: release(),
    node: process.version,
    load: loadavg()[0] ?? 0,
  };
}

/** The kernel counts in hundredths on every Linux there is (USER_HZ). */
const ticksPerSecond = 100;
const userTicksField = 11;

/** Processor time of a process so far, in user and system mode. */
export function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // The name, in parentheses, may hold spaces; the fields behind it do not.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[userTicksField]) + Number(fields[userTicksField + 1])) / ticksPerSecond;
}

export function rssMb(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) / 1024;
}

/** Of util-linux; every Linux has it. */
const tasksetCommand = "taskset";

/** Keeps all threads of a process on one core. @throws when taskset is missing or refuses */
export function pin(pid: number, core: number): void {
  execFileSync(tasksetCommand, ["-apc", String(core), String(pid)], { stdio: "ignore" });
}
