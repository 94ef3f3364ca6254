import type { Command, CommandContext } from "../command.ts";
import { parseFlags, requireFlag } from "../flags.ts";
import type { Flags } from "../flags.ts";
import { UsageError } from "../step-failure.ts";
import { formatBytes, openBudget, parseLimits } from "../workspace/limits.ts";
import type { Budget } from "../workspace/limits.ts";
import { requireDirectory, splitPath, splitTarget } from "../workspace/safe-path.ts";
import { stageInto } from "../workspace/staging.ts";
import { fetchCommit } from "./fetch-commit.ts";
import { parseGitRemote } from "./git-remote.ts";
import type { GitProtocol } from "./git-remote.ts";
import { withGitSession } from "./git-session.ts";
import { fetchSubmodules } from "./submodules.ts";

const spec = {
  url: "once",
  revision: "once",
  name: "once",
  workspace: "once",
  target: "once",
  depth: "once",
  submodules: "switch",
  "sub-path": "once",
  "max-bytes": "once",
  "max-files": "once",
  "credentials-dir": "once",
  "allow-protocol": "many",
  "stall-seconds": "once",
} as const;

/** Fetches a revision of a git repository into the workspace. */
export const fetchGit: Command = async (args, context) => {
  const flags = parseFlags(args, spec);
  const workspace = flags.workspace ?? "/workspace";
  const target = splitTarget(workspace, flags.target ?? ".");
  const subPath = splitPath(flags["sub-path"] ?? "", "--sub-path");
  const budget = openBudget(parseLimits(flags));
  const commit = await stageInto(
    workspace,
    target,
    async ({ dir }) => await fetchInto(dir, { flags, budget, context }),
  );
  await requireDirectory(workspace, subPath);
  context.say(`Commit ${commit}: ${budget.files} files, ${formatBytes(budget.bytes)}`);
  return [
    { name: "commit", value: commit },
    { name: "size", value: String(budget.bytes) },
  ];
};

interface FetchSetting {
  readonly flags: Flags<typeof spec>;
  readonly budget: Budget;
  readonly context: CommandContext;
}

async function fetchInto(dir: string, { flags, budget, context }: FetchSetting): Promise<string> {
  const protocols = parseProtocols(flags["allow-protocol"]);
  const remote = parseGitRemote(requireFlag(flags, "url"), protocols);
  const revision = requireFlag(flags, "revision");
  const options = {
    protocols,
    credentialsDir: flags["credentials-dir"] ?? "/builder/credentials/git",
    stallSeconds: wholeNumber(flags["stall-seconds"], "stall-seconds") ?? 20,
  };
  context.say(`Fetching ${remote.url} at ${revision}`);
  return await withGitSession(options, context, async (session) => {
    const request = { remote, revision, depth: wholeNumber(flags.depth, "depth") ?? 1, dir, budget };
    const fetched = await fetchCommit(session, request);
    if (flags.submodules) await fetchSubmodules(session, { ...request, ...fetched }, context);
    return fetched.commit;
  });
}

/** https, http and ssh always; `file` and `git` where they are asked for by name. */
function parseProtocols(extra: readonly string[]): GitProtocol[] {
  const protocols: GitProtocol[] = ["https", "http", "ssh"];
  for (const protocol of extra) {
    if (protocol !== "file" && protocol !== "git") {
      throw new UsageError(`--allow-protocol takes file or git, got ${JSON.stringify(protocol)}`);
    }
    protocols.push(protocol);
  }
  return protocols;
}

function wholeNumber(value: string | undefined, name: string): number | undefined {
  if (value === undefined) return undefined;
  if (!/^\d{1,9}$/.test(value)) throw new UsageError(`--${name} must be a whole number, got ${JSON.stringify(value)}`);
  return Number(value);
}
