import { createReadStream } from "node:fs";
import { mkdir, open, readdir, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { isRecord } from "@kelvin/api";
import { buildPath, checkedName, logPath } from "./log-name.ts";
import { emptyEnd, endAfter, timeOf } from "./log-end.ts";
import type { LogEnd, LogName, LogStore, LogWriter, StoredBuild, StoredLog } from "./log-store.ts";

// <directory>/<namespace>/<build>.<uid>/<pod>/<container>.log, and beside it <container>.done once it is complete. Names
// of Builds have no dot, and those of namespaces, Pods and containers no slash: Kubernetes sees to that, and so do we.

/** Keeps logs in a directory. Several replicas may share it, for only one of them writes. */
export function openDirectoryLogStore(directory: string): LogStore {
  const pathOf = (name: LogName, suffix: string): string => join(directory, `${logPath(name)}.${suffix}`);
  return {
    open: async (name) => await openWriter(pathOf(name, "log"), pathOf(name, "done")),
    read: (name) => readFileIfThere(pathOf(name, "log")),
    list: (build) => listLogs(join(directory, buildPath(build)), build),
    listBuilds: (only) => listBuilds(directory, only),
    remove: (build) => rm(join(directory, buildPath(build)), { recursive: true, force: true }),
  };
}

async function openWriter(filePath: string, donePath: string): Promise<LogWriter> {
  await mkdir(join(filePath, ".."), { recursive: true });
  const file = await open(filePath, "a+");
  try {
    let end: LogEnd = { ...(await repairEnd(file)), isComplete: await isThere(donePath) };
    return {
      get end() {
        return end;
      },
      async append(lines) {
        if (lines.length === 0) return;
        await file.appendFile(lines.map((line) => `${line}\n`).join(""));
        end = endAfter(end, lines);
      },
      async complete() {
        await file.datasync();
        await writeFile(donePath, "");
        end = { ...end, isComplete: true };
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

const tailBytes = 64 * 1024;

/** Cuts off a line that a killed writer left unfinished, and tells where the log ends. */
async function repairEnd(file: FileHandle): Promise<LogEnd> {
  const { size } = await file.stat();
  for (let wanted = tailBytes; ; wanted *= 4) {
    const start = Math.max(0, size - wanted);
    const buffer = Buffer.alloc(size - start);
    await file.read(buffer, 0, buffer.length, start);
    const lastNewline = buffer.lastIndexOf(10);
    if (lastNewline < 0 && start > 0) continue;
    const bytes = lastNewline < 0 ? 0 : start + lastNewline + 1;
    if (bytes < size) await file.truncate(bytes);
    const lines = buffer.toString("utf8", 0, Math.max(0, lastNewline)).split("\n");
    const tail = lastTimes(lastNewline < 0 ? [] : lines);
    // All that was read has one time: there may be more of it before.
    if (start > 0 && tail.lastTimeCount >= lines.length - 1) continue;
    return { ...emptyEnd, ...tail, bytes };
  }
}

function lastTimes(lines: readonly string[]): Pick<LogEnd, "lastTime" | "lastTimeCount"> {
  const last = lines.at(-1);
  if (last === undefined) return { lastTime: undefined, lastTimeCount: 0 };
  const lastTime = timeOf(last);
  const before = lines.findLastIndex((line) => timeOf(line) !== lastTime);
  return { lastTime, lastTimeCount: lines.length - 1 - before };
}

async function* readFileIfThere(path: string): AsyncGenerator<Buffer> {
  if (await isThere(path)) yield* createReadStream(path) as AsyncIterable<Buffer>;
}

async function listLogs(
  path: string,
  build: Pick<StoredBuild, "namespace" | "build" | "buildUid">,
): Promise<StoredLog[]> {
  const { namespace, build: buildName, buildUid } = build;
  const logs: StoredLog[] = [];
  for (const pod of await entriesOf(path)) {
    const files = await entriesOf(join(path, pod));
    for (const file of files.filter((name) => name.endsWith(".log"))) {
      const container = file.slice(0, -".log".length);
      const { size } = await stat(join(path, pod, file));
      const isComplete = files.includes(`${container}.done`);
      logs.push({ namespace, build: buildName, buildUid, pod, container, bytes: size, isComplete });
    }
  }
  return logs;
}

async function listBuilds(
  directory: string,
  only: { readonly namespace: string; readonly build: string } | undefined,
): Promise<StoredBuild[]> {
  const builds: StoredBuild[] = [];
  for (const namespace of only === undefined ? await entriesOf(directory) : [checkedName(only.namespace)]) {
    for (const entry of await entriesOf(join(directory, namespace))) {
      const [build = "", ...rest] = entry.split(".");
      if (only !== undefined && only.build !== build) continue;
      const { bytes, writtenMs } = await weigh(join(directory, namespace, entry));
      builds.push({ namespace, build, buildUid: rest.join("."), bytes, writtenMs });
    }
  }
  return builds;
}

async function weigh(path: string): Promise<{ bytes: number; writtenMs: number }> {
  const own = await stat(path);
  let [bytes, writtenMs] = [0, own.mtimeMs];
  for (const pod of await entriesOf(path)) {
    for (const file of await entriesOf(join(path, pod))) {
      const { size, mtimeMs } = await stat(join(path, pod, file));
      bytes += size;
      writtenMs = Math.max(writtenMs, mtimeMs);
    }
  }
  return { bytes, writtenMs };
}

async function entriesOf(path: string): Promise<string[]> {
  try {
    return (await readdir(path)).toSorted();
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

function isMissing(error: unknown): boolean {
  return isRecord(error) && error["code"] === "ENOENT";
}

async function isThere(path: string): Promise<boolean> {
  const found = await entriesOf(join(path, ".."));
  return found.some((entry) => path.endsWith(`/${entry}`));
}
