import { open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { ApiObject } from "../api-server/api-object.ts";
import { syncDirectory, writeWhole } from "./log-file.ts";
import { encodeLine } from "./record-file.ts";

export interface SnapshotState {
  readonly objects: readonly { readonly type: string; readonly key: string; readonly object: ApiObject }[];
  readonly revision: number;
}

/** Between two of them other work gets its turn. */
const objectsPerWrite = 200;

/**
 * Writes `snapshot-N.jsonl`, then removes all snapshots and logs before N. It is written aside and renamed, so that it is
 * whole or not there; what is half written when it fails is removed, for the reason may be that the disk is full.
 */
export async function writeSnapshot(directory: string, number: number, state: SnapshotState): Promise<void> {
  const path = join(directory, `snapshot-${number}.jsonl`);
  try {
    await writeAside(`${path}.new`, state);
    await rename(`${path}.new`, path);
  } catch (error) {
    await rm(`${path}.new`, { force: true });
    throw error;
  }
  await syncDirectory(directory);
  await removeBefore(directory, number);
}

async function writeAside(path: string, { objects, revision }: SnapshotState): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    let position = 0;
    const write = async (text: string): Promise<void> => {
      const bytes = Buffer.from(text);
      await writeWhole(file, bytes, position);
      position += bytes.length;
    };
    await write(encodeLine({ revision }));
    for (let index = 0; index < objects.length; index += objectsPerWrite) {
      const some = objects.slice(index, index + objectsPerWrite);
      // oxlint-disable-next-line no-await-in-loop -- one part of the file after the other
      await write(some.map((object) => encodeLine({ ...object, revision: 0 })).join(""));
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function removeBefore(directory: string, number: number): Promise<void> {
  for (const name of await readdir(directory)) {
    const found = Number(/^(?:log|snapshot)-(\d+)\.jsonl(?:\.new)?$/.exec(name)?.[1] ?? number);
    // oxlint-disable-next-line no-await-in-loop -- a handful
    if (found < number) await rm(join(directory, name), { force: true });
  }
}
