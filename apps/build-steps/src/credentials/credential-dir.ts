import { randomBytes } from "node:crypto";
import { chmod, chown, mkdir, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "../error-code.ts";

/** ssh refuses a key of its own user that others may read, but not one of another user: so keys belong to nobody's user. */
const keyOwnerUid = 65533;

/** One file of credentials. */
export interface CredentialFile {
  readonly path: string;
  readonly content: string;
  /** A private key, for which ssh has rules of its own. */
  readonly isKey?: boolean;
}

/**
 * Writes files that steps of any user can read: mode 0640, in the group of the directory, which is the Pod's fsGroup.
 * Each appears whole or not at all, so a second run after a kill is right.
 */
export async function writeCredentials(dir: string, files: readonly CredentialFile[]): Promise<void> {
  await mkdir(dir, { recursive: true });
  const { gid } = await stat(dir);
  for (const { path, content, isKey = false } of files) {
    const file = join(dir, path);
    await makeFolder(dir, dirname(path), gid);
    const draft = `${file}.${randomBytes(4).toString("hex")}`;
    await writeFile(draft, content, { mode: 0o600, flag: "wx" });
    await (isKey ? shareKey(draft, gid) : shareFile(draft, gid));
    await rename(draft, file);
  }
}

async function makeFolder(dir: string, path: string, gid: number): Promise<void> {
  if (path === ".") return;
  const folder = join(dir, path);
  await mkdir(folder, { recursive: true });
  await giveTo(folder, -1, gid);
  await chmod(folder, 0o750);
}

async function shareFile(file: string, gid: number): Promise<void> {
  await giveTo(file, -1, gid);
  await chmod(file, 0o640);
}

/** A key that cannot change hands stays with this user alone: the Pod then runs as one user, who can read it. */
async function shareKey(file: string, gid: number): Promise<void> {
  if (await giveTo(file, keyOwnerUid, gid)) await chmod(file, 0o440);
}

/** Whether the file now belongs to the group (and user) wanted. Only root may give files away, and only to users that its namespace knows. */
async function giveTo(file: string, uid: number, gid: number): Promise<boolean> {
  try {
    await chown(file, uid === -1 ? (await stat(file)).uid : uid, gid);
    return true;
  } catch (error) {
    if (["EPERM", "EINVAL"].includes(errorCode(error) ?? "")) return false;
    throw error;
  }
}
