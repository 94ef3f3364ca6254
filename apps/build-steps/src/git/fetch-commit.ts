import { mkdir, readdir, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { join } from "node:path";
import { errorCode } from "../error-code.ts";
import { StepFailure } from "../step-failure.ts";
import type { Budget } from "../workspace/limits.ts";
import { tooLarge } from "../workspace/limits.ts";
import { explainGitFailure } from "./git-failure.ts";
import type { ToolAnswer } from "../tool-process.ts";
import { runGit } from "./git-process.ts";
import type { GitRemote } from "./git-remote.ts";
import type { GitSession } from "./git-session.ts";
import { parseRevision } from "./revision.ts";
import { makeTreeReader } from "./tree-listing.ts";
import type { Gitlink } from "./tree-listing.ts";

/** What to fetch, and where to. */
export interface FetchRequest {
  readonly remote: GitRemote;
  readonly revision: string;
  /** How many commits of history; 0 is all of them. */
  readonly depth: number;
  /** An empty or missing directory, which becomes a repository with the commit checked out. */
  readonly dir: string;
  readonly budget: Budget;
}

/** A commit that was checked out. */
export interface FetchedCommit {
  readonly commit: string;
  /** Where submodules belong. Their directories are empty. */
  readonly gitlinks: readonly Gitlink[];
}

/**
 * Fetches one revision and checks it out, on the branch master as v0.7 did. No more is fetched than the server allows to
 * leave out. Nothing is checked out of a tree that passes the budget.
 *
 * @throws StepFailure saying what to change.
 */
export async function fetchCommit(session: GitSession, request: FetchRequest): Promise<FetchedCommit> {
  const { dir, remote, budget } = request;
  parseRevision(request.revision);
  await session.trust(remote);
  await session.reach(remote);
  await mkdir(dir, { recursive: true });
  await must(session, request, ["init", "--quiet", "--template=", "--initial-branch=master"]);
  await must(session, request, ["config", "remote.origin.url", remote.url]);
  await must(session, request, ["config", "remote.origin.fetch", "+refs/heads/*:refs/remotes/origin/*"]);
  const commit = await fetchRevision(session, request);
  const tree = makeTreeReader(budget);
  const listing = await runGit(session, [dir, "ls-tree", "-r", "-l", "-z", "--full-tree", commit], tree.read);
  if (listing.exitCode !== 0) throw explainGitFailure(listing.stderr, describe(request));
  await must(session, request, ["reset", "--quiet", "--hard", commit]);
  return { commit, gitlinks: tree.gitlinks };
}

/** The full commit that the revision is, fetched as little as the server allows. */
async function fetchRevision(session: GitSession, request: FetchRequest): Promise<string> {
  const { revision, depth } = request;
  const refspec = ["--end-of-options", "origin", revision];
  const shallow = depth === 0 ? [] : [`--depth=${depth}`];
  let answer = await fetch(session, request, [...shallow, ...refspec]);
  if (answer.exitCode !== 0 && /does not support shallow|dumb http/i.test(answer.stderr)) {
    answer = await fetch(session, request, refspec);
  }
  if (answer.exitCode === 0) return await peel(session, request, "FETCH_HEAD");
  const failure = explainGitFailure(answer.stderr, describe(request));
  if (failure.reason !== "RevisionNotFound" || parseRevision(revision) === "ref") throw failure;
  // Servers give short commits never, and full ones not always: then history is fetched to look for it.
  const everything = ["+refs/heads/*:refs/remotes/origin/*", "+refs/tags/*:refs/tags/*"];
  const all = await fetch(session, request, ["--end-of-options", "origin", ...everything]);
  if (all.exitCode !== 0) throw explainGitFailure(all.stderr, describe(request));
  return await peel(session, request, revision);
}

async function peel(session: GitSession, request: FetchRequest, revision: string): Promise<string> {
  const answer = await runGit(session, [
    request.dir,
    "rev-parse",
    "--verify",
    "--end-of-options",
    `${revision}^{commit}`,
  ]);
  const commit = answer.stdout.trim();
  if (answer.exitCode === 0 && /^[0-9a-f]{40,64}$/.test(commit)) return commit;
  if (/ambiguous/.test(answer.stderr)) {
    throw new StepFailure("RevisionNotFound", `several commits begin with "${request.revision}"; give more digits`);
  }
  const { url } = request.remote;
  throw new StepFailure(
    "RevisionNotFound",
    `"${request.revision}" is no commit of ${url}, nor a tag or branch that leads to one; correct the revision`,
  );
}

/** A fetch that is ended when it brings more than the budget has left. */
async function fetch(session: GitSession, request: FetchRequest, args: readonly string[]): Promise<ToolAnswer> {
  const stop = new AbortController();
  const signal = AbortSignal.any([session.signal, stop.signal]);
  const ended = new AbortController();
  const watching = watchSize(request, stop, ended.signal);
  try {
    const options = ["fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--no-write-commit-graph"];
    return await runGit({ env: session.env, signal }, [request.dir, ...options, ...args]);
  } finally {
    ended.abort();
    await watching;
  }
}

const watchIntervalMs = 250;

async function watchSize({ dir, budget }: FetchRequest, stop: AbortController, ended: AbortSignal): Promise<void> {
  const { limits, bytes } = budget;
  while (!ended.aborted) {
    if ((await measure(join(dir, ".git", "objects"))) > limits.bytesMax - bytes) stop.abort(tooLarge(limits));
    await sleep(watchIntervalMs, undefined, { signal: ended }).catch(() => undefined);
  }
}

/** Bytes of the files below a directory. Files that go away meanwhile count nothing. */
async function measure(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true }).catch(ignoreMissing)) {
    if (!entry.isFile()) continue;
    bytes += await stat(join(entry.parentPath, entry.name)).then(
      ({ size }) => size,
      () => 0,
    );
  }
  return bytes;
}

function ignoreMissing(error: unknown): [] {
  if (errorCode(error) === "ENOENT") return [];
  throw error;
}

async function must(session: GitSession, request: FetchRequest, args: readonly string[]): Promise<string> {
  const answer = await runGit(session, [request.dir, ...args]);
  if (answer.exitCode !== 0) throw explainGitFailure(answer.stderr, describe(request));
  return answer.stdout;
}

function describe({ remote, revision }: FetchRequest): { url: string; revision: string } {
  return { url: remote.url, revision };
}
