import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncPath } from "@kelvin/oci/content";

/** Files that are whole or not there, whenever the process or the machine stops. */
export interface DurableFiles {
  /** Replaces a file; when it resolves, the file is on disk. Directories on the way are made. */
  write(path: string, text: string): Promise<void>;
}

/** Opens the writing of files through temporary ones, which are in a directory of the same disk. */
export function openDurableFiles(temporaryPath: () => string): DurableFiles {
  return {
    async write(path, text) {
      const temporary = temporaryPath();
      try {
        const file = await open(temporary, "wx");
        try {
          await file.writeFile(text);
          await file.sync();
        } finally {
          await file.close();
        }
        await makeDirectory(dirname(path));
        await rename(temporary, path);
        await syncPath(dirname(path));
      } catch (error) {
        await rm(temporary, { force: true });
        throw error;
      }
    },
  };
}

/** Makes a directory whose name is on disk when it resolves. */
async function makeDirectory(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  for (let at = path; at.length >= first.length; at = dirname(at)) await syncPath(dirname(at));
}

/** A file's text, or undefined when it is not there. */
export async function findText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    return ifMissing(error);
  }
}

/** Returns undefined for a missing file; throws any other error. */
export function ifMissing(error: unknown): undefined {
  const code = (error as NodeJS.ErrnoException).code ?? "";
  // ENOTDIR: a repository's name may be a prefix of a file's.
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  throw error;
}

/** Whether an error says that there is no room left on the disk. */
export function isDiskFull(error: unknown): boolean {
  const { code } = (error ?? {}) as { code?: unknown };
  return code === "ENOSPC" || code === "EDQUOT";
}

/** A path of some digest's below a directory. */
export function digestPath(directory: string, digest: string): string {
  return join(directory, ...digest.split(":"));
}
