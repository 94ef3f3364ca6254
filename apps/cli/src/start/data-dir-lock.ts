import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { StartError } from "../usage-error.ts";

/** Who holds a data directory: a process id comes again, together with its start time it does not. */
interface LockHolder {
  readonly pid: number;
  readonly startTime: string;
}

const ATTEMPTS_MAX = 5;

/**
 * Takes the data directory for this process, making it if it is not there. A lock whose process is gone is taken over.
 * @throws StartError "already running as pid N" while its holder lives.
 */
export function lockDataDir(dataDir: string): { release(): void } {
  makeDirectory(dataDir);
  const lock = join(dataDir, "lock");
  const own = join(dataDir, `lock.${process.pid}`);
  writeFileSync(own, JSON.stringify({ pid: process.pid, startTime: startTimeOf(process.pid) }));
  try {
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      if (tryLink(own, lock)) return { release: () => releaseLock(lock) };
      const holder = readHolder(lock);
      if (holder !== undefined && isAlive(holder)) {
        throw new StartError(
          `${dataDir} is in use: already running as pid ${holder.pid}. Stop it, or choose another --data-dir.`,
        );
      }
      removeStale(lock);
    }
  } finally {
    rmSync(own, { force: true });
  }
  throw new StartError(`cannot lock ${dataDir}: somebody else takes it again and again`);
}

function makeDirectory(dataDir: string): void {
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(`cannot make --data-dir ${dataDir}: ${reason}`, { cause: error });
  }
}

/** A link, unlike a new file, appears with its content: nobody reads a lock that is half written. */
function tryLink(own: string, lock: string): boolean {
  try {
    linkSync(own, lock);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Of several that find the same stale lock, one moves it away; the others try again. */
function removeStale(lock: string): void {
  const aside = `${lock}.stale.${process.pid}`;
  try {
    renameSync(lock, aside);
  } catch {
    return;
  }
  const moved = readHolder(aside);
  // Somebody took it over between our look and our move: give it back.
  if (moved !== undefined && isAlive(moved)) tryLink(aside, lock);
  rmSync(aside, { force: true });
}

function releaseLock(lock: string): void {
  if (readHolder(lock)?.pid === process.pid) rmSync(lock, { force: true });
}

function readHolder(file: string): LockHolder | undefined {
  try {
    return parseHolder(readFileSync(file, "utf8"));
  } catch {
    // Gone in between, or not ours: no holder that could live.
    return undefined;
  }
}

function parseHolder(text: string): LockHolder | undefined {
  const holder = JSON.parse(text) as Partial<LockHolder> | null;
  return typeof holder?.pid === "number" ? { pid: holder.pid, startTime: holder.startTime ?? "" } : undefined;
}

function isAlive({ pid, startTime }: LockHolder): boolean {
  return startTimeOf(pid) === startTime && startTime !== "";
}

/** When a process started, in clock ticks since boot, with the boot it was; empty when there is no such process. */
function startTimeOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name in parentheses may hold anything; the fields after it are numbers.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    // A zombie is over, although its entry is still there.
    return fields[0] === "Z" ? "" : `${boot} ${fields[19] ?? ""}`;
  } catch {
    return "";
  }
}
