import { emptyEnd, endAfter } from "./log-end.ts";
import { buildPath, checkedName, logPath } from "./log-name.ts";
import type { LogEnd, LogName, LogStore, LogWriter, StoredBuild, StoredLog } from "./log-store.ts";
import type { S3Client, S3Object } from "./s3-client.ts";

// <namespace>/<build>.<uid>/<pod>/<container>/<number>, pieces of at most this size in the order of their numbers, and
// `…/done` once the log is complete. A piece that is not full is written anew with what was added, which S3 does at once or not.

const pieceBytesMax = 256 * 1024;

/** Keeps logs in a bucket. Several replicas may share it, for only one of them writes. */
export function openS3LogStore(client: S3Client): LogStore {
  return {
    open: (name) => openWriter(client, name),
    read: (name) => readPieces(client, name),
    list: async (build) => groupLogs(await client.list(`${buildPath(build)}/`), build),
    async listBuilds(only) {
      const prefix = only === undefined ? "" : `${checkedName(only.namespace)}/${checkedName(only.build)}.`;
      return groupBuilds(await client.list(prefix));
    },
    async remove(build) {
      for (const { key } of await client.list(`${buildPath(build)}/`)) await client.delete(key);
    },
  };
}

async function openWriter(client: S3Client, name: LogName): Promise<LogWriter> {
  const prefix = `${logPath(name)}/`;
  const objects = await client.list(prefix);
  const pieces = objects.filter(isPiece);
  const last = pieces.at(-1);
  let number = last === undefined ? 0 : Number(last.key.slice(prefix.length));
  let piece = last === undefined ? "" : ((await client.get(last.key)) ?? "");
  let end: LogEnd = {
    ...(await readEnd(client, pieces)),
    isComplete: objects.some(({ key }) => key === `${prefix}done`),
  };
  return {
    get end() {
      return end;
    },
    async append(lines) {
      if (lines.length === 0) return;
      const added = lines.map((line) => `${line}\n`).join("");
      const isFull = Buffer.byteLength(piece) + Buffer.byteLength(added) > pieceBytesMax && piece !== "";
      const next = isFull ? { number: number + 1, piece: added } : { number, piece: piece + added };
      await client.put(`${prefix}${String(next.number).padStart(8, "0")}`, next.piece);
      ({ number, piece } = next);
      end = endAfter(end, lines);
    },
    async complete() {
      await client.put(`${prefix}done`, "");
      end = { ...end, isComplete: true };
    },
    close: () => Promise.resolve(),
  };
}

/** Where the log ends: back through the pieces for as long as all their lines have one time. */
async function readEnd(client: S3Client, pieces: readonly S3Object[]): Promise<LogEnd> {
  let lines: string[] = [];
  for (const { key } of pieces.toReversed()) {
    const text = (await client.get(key)) ?? "";
    lines = [...text.split("\n").slice(0, -1), ...lines];
    if (endAfter(emptyEnd, lines).lastTimeCount < lines.length) break;
  }
  return { ...endAfter(emptyEnd, lines), bytes: sum(pieces) };
}

async function* readPieces(client: S3Client, name: LogName): AsyncGenerator<Buffer> {
  for (const { key } of (await client.list(`${logPath(name)}/`)).filter(isPiece)) {
    yield Buffer.from((await client.get(key)) ?? "");
  }
}

function isPiece({ key }: S3Object): boolean {
  return /\/\d{8}$/.test(key);
}

function sum(objects: readonly S3Object[]): number {
  return objects.reduce((total, { bytes }) => total + bytes, 0);
}

function groupLogs(
  objects: readonly S3Object[],
  { namespace, build, buildUid }: Pick<StoredBuild, "namespace" | "build" | "buildUid">,
): StoredLog[] {
  const groups = Map.groupBy(objects, ({ key }) => key.split("/").slice(2, 4).join("/"));
  return [...groups].map(([path, members]) => {
    const [pod = "", container = ""] = path.split("/");
    const isComplete = members.some(({ key }) => key.endsWith("/done"));
    return { namespace, build, buildUid, pod, container, bytes: sum(members), isComplete };
  });
}

function groupBuilds(objects: readonly S3Object[]): StoredBuild[] {
  const groups = Map.groupBy(objects, ({ key }) => key.split("/").slice(0, 2).join("/"));
  return [...groups].map(([path, members]) => {
    const [namespace = "", entry = ""] = path.split("/");
    const [build = "", ...rest] = entry.split(".");
    const writtenMs = Math.max(...members.map((member) => member.writtenMs));
    return { namespace, build, buildUid: rest.join("."), bytes: sum(members), writtenMs };
  });
}
