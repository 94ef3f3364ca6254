import { access, mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { CommandContext } from "../command.ts";
import { formatGitCredentials } from "../credentials/git-files.ts";
import { errorText } from "../error-code.ts";
import { StepFailure } from "../step-failure.ts";
import type { GitProcess } from "./git-process.ts";
import type { GitProtocol, GitRemote } from "./git-remote.ts";

/** How git may reach what it fetches. */
export interface SessionOptions {
  /** Holds .gitconfig, .git-credentials and .ssh of the `credentials` command, if there are any. */
  readonly credentialsDir: string;
  readonly protocols: readonly GitProtocol[];
  /** After this long without a byte, or without a connection, a server counts as unreachable. */
  readonly stallSeconds: number;
}

/** git with an environment of its own: nothing of the machine's or the user's configuration reaches it. */
export interface GitSession extends GitProcess {
  readonly options: SessionOptions;
  /** Lets git log in with what the URL itself held. Only this server is told. */
  trust(remote: GitRemote): Promise<void>;
  /** @throws StepFailure `SourceUnreachable` within `stallSeconds` when nothing listens there. */
  reach(remote: GitRemote): Promise<void>;
}

/** Runs `use` with a session whose private files are removed afterwards. */
export async function withGitSession<T>(
  options: SessionOptions,
  context: CommandContext,
  use: (session: GitSession) => Promise<T>,
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), "kelvin-git-"));
  try {
    const ownCredentials = join(home, "credentials");
    await writeFile(ownCredentials, "", { mode: 0o600 });
    await writeFile(join(home, "gitconfig"), formatConfig(options, ownCredentials));
    const env = await makeEnvironment(options, home, context);
    const logins: string[] = [];
    return await use({
      env,
      signal: context.signal,
      options,
      trust: async ({ url, login }) => {
        if (login === undefined) return;
        context.hide(login.password);
        logins.push(formatGitCredentials([{ url, ...login }]));
        await writeFile(ownCredentials, logins.join(""));
      },
      reach: async (remote) => await reach(remote, env, options),
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

function formatConfig({ credentialsDir, protocols, stallSeconds }: SessionOptions, ownCredentials: string): string {
  const quote = (path: string): string => `"${path.replaceAll(/["\\]/g, (sign) => `\\${sign}`)}"`;
  return [
    // An attacker's URL may name any transport that git knows: only those wanted are left.
    "[protocol]\n\tallow = never",
    ...protocols.map((protocol) => `[protocol "${protocol}"]\n\tallow = always`),
    // A redirect on first contact is followed (repositories move); git then asks for credentials of the new host.
    `[http]\n\tfollowRedirects = initial\n\tlowSpeedLimit = 1\n\tlowSpeedTime = ${stallSeconds}`,
    "[core]\n\thooksPath = /dev/null\n\tattributesFile = /dev/null\n\tautocrlf = false\n\tfsmonitor = false",
    "[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[fetch]\n\tunpackLimit = 1\n\trecurseSubmodules = false",
    "[init]\n\tdefaultBranch = master\n[advice]\n\tdetachedHead = false\n[submodule]\n\trecurse = false",
    `[include]\n\tpath = ${quote(resolve(credentialsDir, ".gitconfig"))}`,
    `[credential]\n\thelper = ${quote(`store --file=${ownCredentials}`)}`,
    "",
  ].join("\n");
}

async function makeEnvironment(
  options: SessionOptions,
  home: string,
  { config }: CommandContext,
): Promise<Record<string, string>> {
  const ssh = resolve(options.credentialsDir, ".ssh");
  const hasSsh = await exists(join(ssh, "config"));
  const knownHosts = `${join(home, "known_hosts")} ${join(ssh, "known_hosts")}`;
  const sshOptions = ["BatchMode=yes", `ConnectTimeout=${options.stallSeconds}`, "ServerAliveInterval=10"];
  sshOptions.push(`'UserKnownHostsFile=${knownHosts}'`, "GlobalKnownHostsFile=/dev/null");
  if (!hasSsh) sshOptions.push("StrictHostKeyChecking=accept-new");
  return {
    ...config.passedOn,
    HOME: home,
    LC_ALL: "C",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_CONFIG_GLOBAL: join(home, "gitconfig"),
    GIT_TERMINAL_PROMPT: "0",
    GIT_ASKPASS: "/bin/false",
    SSH_ASKPASS_REQUIRE: "never",
    GIT_SSH_VARIANT: "ssh",
    GIT_SSH_COMMAND: `ssh -F '${hasSsh ? join(ssh, "config") : "/dev/null"}' ${sshOptions.map((one) => `-o ${one}`).join(" ")}`,
  };
}

async function exists(file: string): Promise<boolean> {
  return await access(file).then(
    () => true,
    () => false,
  );
}

/** Over http git waits minutes for a connection. ssh has a timeout and a configuration of its own; behind a proxy only that can tell. */
async function reach(remote: GitRemote, env: Record<string, string>, { stallSeconds }: SessionOptions): Promise<void> {
  const isProxied = Object.keys(env).some((name) => /^https?_proxy$/i.test(name));
  const { endpoint, protocol } = remote;
  if (endpoint === undefined || protocol === "ssh" || isProxied) return;
  const problem = await new Promise<string | undefined>((done) => {
    const socket = connect({ ...endpoint, timeout: stallSeconds * 1000 });
    const end = (result: string | undefined): void => {
      socket.destroy();
      done(result);
    };
    socket.once("connect", () => end(undefined));
    socket.once("timeout", () => end(`no answer in ${stallSeconds} s`));
    socket.once("error", (error) => end(errorText(error) || "refused on every address"));
  });
  if (problem === undefined) return;
  throw new StepFailure(
    "SourceUnreachable",
    `${endpoint.host}:${endpoint.port} cannot be reached (${problem}); check the URL, the network and that the server is up`,
  );
}
