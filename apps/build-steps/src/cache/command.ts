import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { StepResult } from "@kelvin/api/build/v1alpha1/step-outcome";
import type { Command, CommandContext } from "../command.ts";
import { errorText } from "../error-code.ts";
import { countFlag, parseFlags, requireFlag } from "../flags.ts";
import type { Flags } from "../flags.ts";
import { UsageError } from "../step-failure.ts";
import { formatBytes } from "../workspace/limits.ts";
import { nothingKept, restoreEntry, saveEntry } from "./cache-entry.ts";
import type { EntryPlace } from "./cache-entry.ts";
import { computeKey } from "./cache-key.ts";
import type { CacheStore } from "./cache-store.ts";
import { parseKeptPaths } from "./kept-paths.ts";
import type { KeptPaths } from "./kept-paths.ts";

const spec = {
  scope: "once",
  branch: "once",
  key: "many",
  path: "many",
  dir: "once",
  endpoint: "once",
  "token-file": "once",
  workspace: "once",
  home: "once",
  "max-bytes": "once",
  "max-store-bytes": "once",
  "read-only": "switch",
} as const;

const entryBytesMax = 4 * 1024 ** 3;
const storeBytesMax = 32 * 1024 ** 3;

/** Branches whose entries others may read, beside their own: what got there was let in. */
const commonBranches = ["main", "master"];

/** Brings back what an earlier build kept for the same key. What cannot be used is a miss, never a failure. */
export const cacheRestore: Command = async (args, context) => {
  const setting = await parseSetting(args, context);
  const { branch, kept } = setting;
  const { key, files } = await computeKey({ ...setting, paths: pathsOf(kept) }, context.signal);
  if (files === 0) return await end(setting, { what: "miss", why: "no file fits the globs of the key" }, undefined);
  const problems: string[] = [];
  for (const candidate of new Set([branch, ...commonBranches])) {
    const outcome = await attempt(async () => await restoreEntry(placeOf(setting, candidate, key)));
    if ("bytes" in outcome) {
      const why = `the same ${files} key files as a build of "${candidate}" (${formatBytes(outcome.bytes)})`;
      return await end(setting, { what: "hit", why }, { key, isHit: true });
    }
    problems.push(outcome.problem);
  }
  const why = problems.find((problem) => problem !== nothingKept) ?? nothingKept;
  return await end(
    setting,
    { what: "miss", why: `key ${key.slice(0, 12)} of ${files} files: ${why}` },
    { key, isHit: false },
  );
};

/** Keeps what the step has made, for later builds with the same key. A failure to do so is no failure of the build. */
export const cacheSave: Command = async (args, context) => {
  const setting = await parseSetting(args, context);
  if (setting.flags["read-only"]) {
    return await end(setting, { what: "skipped", why: "this ref may read entries, not write them" }, undefined);
  }
  // The step may have changed the files of the key: the key is what it was before.
  const note = (await readNote(setting)) ?? (await makeNote(setting, context));
  if (note === undefined)
    return await end(setting, { what: "skipped", why: "no file fits the globs of the key" }, undefined);
  if (note.isHit) return await end(setting, { what: "skipped", why: "the entry is kept already" }, undefined);
  const outcome = await attempt(async () => await saveEntry(placeOf(setting, setting.branch, note.key), setting.kept));
  if ("problem" in outcome) return await end(setting, { what: "skipped", why: outcome.problem }, undefined);
  await attempt(async () => {
    await setting.store.trim(countFlag(setting.flags, "max-store-bytes", storeBytesMax));
    return outcome;
  });
  const why = `key ${note.key.slice(0, 12)} of "${setting.branch}" (${formatBytes(outcome.bytes)})`;
  return await end(setting, { what: "saved", why }, undefined);
};

interface Setting {
  readonly flags: Flags<typeof spec>;
  readonly context: CommandContext;
  readonly workspace: string;
  readonly home: string;
  readonly globs: readonly string[];
  readonly kept: readonly KeptPaths[];
  readonly scope: string;
  readonly branch: string;
  readonly store: CacheStore;
}

async function parseSetting(args: readonly string[], context: CommandContext): Promise<Setting> {
  const flags = parseFlags(args, spec);
  const roots = { workspace: resolve(flags.workspace ?? "/workspace"), home: resolve(flags.home ?? homedir()) };
  if (flags.key.length === 0) throw new UsageError("--key is required: globs of the files that decide");
  const scope = requireFlag(flags, "scope");
  if (!/^[a-z0-9][a-z0-9./-]{0,200}$/.test(scope) || scope.includes("..") || scope.includes("//")) {
    throw new UsageError(`--scope takes lower-case names parted by slashes, got ${JSON.stringify(scope)}`);
  }
  const kept = parseKeptPaths(flags.path, roots);
  return {
    flags,
    context,
    ...roots,
    globs: flags.key,
    kept,
    scope,
    branch: flags.branch ?? "",
    store: await openStore(flags, context),
  };
}

async function openStore(flags: Flags<typeof spec>, { signal, hide }: CommandContext): Promise<CacheStore> {
  const { dir, endpoint } = flags;
  if (dir !== undefined && endpoint === undefined)
    return (await import("./directory-store.ts")).openDirectoryStore(dir);
  if (endpoint === undefined || dir !== undefined) throw new UsageError("one of --dir and --endpoint is required");
  const file = flags["token-file"];
  const token = file === undefined ? undefined : (await readFile(file, "utf8")).trim();
  if (token !== undefined) hide(token);
  return (await import("./http-store.ts")).openHttpStore(endpoint, token, signal);
}

/** A branch may be called anything: its hash may not. */
function placeOf({ scope, store, workspace, home, flags, context }: Setting, branch: string, key: string): EntryPlace {
  const branchId = createHash("sha256").update(branch).digest("hex").slice(0, 16);
  const bytesMax = countFlag(flags, "max-bytes", entryBytesMax);
  return { store, roots: { workspace, home }, name: `${scope}/${branchId}/${key}`, bytesMax, signal: context.signal };
}

function pathsOf(kept: readonly KeptPaths[]): string[] {
  return kept.flatMap(({ root, paths }) => paths.map((path) => `${root}:${path}`));
}

/** A store that fails costs time, not the build. What was called wrongly is still told as such. */
async function attempt<T>(act: () => Promise<T>): Promise<T | { problem: string }> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return { problem: `the store cannot be used (${errorText(error)})` };
  }
}

/** What `cache-restore` leaves for `cache-save`. */
interface Note {
  readonly key: string;
  readonly isHit: boolean;
}

async function end(
  setting: Setting,
  { what, why }: { what: string; why: string },
  note: Note | undefined,
): Promise<StepResult[]> {
  if (note !== undefined) {
    await mkdir(join(setting.home, ".kelvin"), { recursive: true });
    await writeFile(noteFile(setting), JSON.stringify(note));
  }
  setting.context.say(`Cache ${what}: ${why}`);
  return [
    { name: "cache", value: what },
    { name: "cacheReason", value: why.slice(0, 1000) },
  ];
}

function noteFile({ home, scope }: Setting): string {
  return join(home, ".kelvin", `cache-${createHash("sha256").update(scope).digest("hex").slice(0, 16)}.json`);
}

/** The step could have written anything there: only its form is trusted, and it names an entry of this scope and branch. */
async function readNote(setting: Setting): Promise<Note | undefined> {
  try {
    const { key, isHit } = JSON.parse(await readFile(noteFile(setting), "utf8")) as Partial<Note>;
    return typeof key === "string" && /^[0-9a-f]{64}$/.test(key) ? { key, isHit: isHit === true } : undefined;
  } catch {
    // None, or none that can be read: the key is computed anew.
    return undefined;
  }
}

async function makeNote(setting: Setting, { signal }: CommandContext): Promise<Note | undefined> {
  const { key, files } = await computeKey({ ...setting, paths: pathsOf(setting.kept) }, signal);
  return files === 0 ? undefined : { key, isHit: false };
}
