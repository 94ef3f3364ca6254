import type { CommandContext } from "../command.ts";
import { StepFailure } from "../step-failure.ts";
import { requireDirectory, splitPath } from "../workspace/safe-path.ts";
import type { FetchedCommit, FetchRequest } from "./fetch-commit.ts";
import { fetchCommit } from "./fetch-commit.ts";
import { parseGitRemote, resolveSubmoduleUrl } from "./git-remote.ts";
import { runGit } from "./git-process.ts";
import type { GitSession } from "./git-session.ts";

const depthMax = 10;
const submodulesMax = 200;

/** How far the recursion may still go. */
interface Bounds {
  readonly depth: number;
  count: number;
}

/**
 * Fetches the submodules of a commit that was checked out, and theirs. Their URLs are as little trusted as any: the same
 * rules hold, and credentials go to the hosts that they are for.
 */
export async function fetchSubmodules(
  session: GitSession,
  parent: FetchRequest & FetchedCommit,
  { say }: Pick<CommandContext, "say">,
): Promise<void> {
  await fetchBelow({ session, say, bounds: { depth: 0, count: 0 } }, parent);
}

interface Walk {
  readonly session: GitSession;
  readonly say: (line: string) => void;
  readonly bounds: Bounds;
}

async function fetchBelow(walk: Walk, parent: FetchRequest & FetchedCommit): Promise<void> {
  if (parent.gitlinks.length === 0) return;
  const { session, say, bounds } = walk;
  if (bounds.depth >= depthMax) throw tooMany(`are nested more than ${depthMax} deep`);
  const declared = await readGitmodules(session, parent);
  for (const { path, commit } of parent.gitlinks) {
    const module = declared.get(path);
    if (module === undefined) {
      say(`The submodule ${path} has no entry in .gitmodules: its directory stays empty`);
      continue;
    }
    bounds.count += 1;
    if (bounds.count > submodulesMax) throw tooMany(`are more than ${submodulesMax}`);
    const remote = parseGitRemote(resolveSubmoduleUrl(parent.remote.url, module.url), session.options.protocols);
    say(`Fetching the submodule ${path} from ${remote.url} at ${commit.slice(0, 12)}`);
    const dir = await requireDirectory(parent.dir, splitPath(path, "the path of a submodule"));
    const request: FetchRequest = { remote, revision: commit, depth: parent.depth, dir, budget: parent.budget };
    const fetched = await fetchCommit(session, request);
    // So that git's own commands know the submodule as one that is in use.
    await runGit(session, [parent.dir, "config", `submodule.${module.name}.url`, remote.url]);
    await fetchBelow({ ...walk, bounds: deeper(bounds) }, { ...request, ...fetched });
  }
}

/** One level deeper, counting on in the same total. */
function deeper(bounds: Bounds): Bounds {
  return {
    depth: bounds.depth + 1,
    get count() {
      return bounds.count;
    },
    set count(value: number) {
      bounds.count = value;
    },
  };
}

interface Submodule {
  readonly name: string;
  readonly url: string;
}

/** .gitmodules of the commit itself, by path: what lies in the work tree may be a link. */
async function readGitmodules(
  session: GitSession,
  { dir, commit }: FetchRequest & FetchedCommit,
): Promise<Map<string, Submodule>> {
  const answer = await runGit(session, [dir, "config", "-z", "--list", "--blob", `${commit}:.gitmodules`]);
  const modules = new Map<string, { path?: string; url?: string }>();
  for (const entry of answer.exitCode === 0 ? answer.stdout.split("\0") : []) {
    const [, name, key, value] = /^submodule\.([^]+)\.(path|url)\n([^]*)$/.exec(entry) ?? [];
    if (name === undefined || key === undefined || value === undefined) continue;
    modules.set(name, { ...modules.get(name), [key]: value });
  }
  return new Map(
    [...modules].flatMap(([name, { path, url }]) =>
      path === undefined || url === undefined ? [] : [[path, { name, url }] as const],
    ),
  );
}

function tooMany(what: string): StepFailure {
  return new StepFailure("SourceTooLarge", `the submodules ${what}; fetch without them, or have fewer`);
}
