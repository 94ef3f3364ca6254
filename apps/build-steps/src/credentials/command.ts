import { resolve, join } from "node:path";
import type { Command, CommandContext } from "../command.ts";
import { parseFlags, requireFlag } from "../flags.ts";
import { UsageError } from "../step-failure.ts";
import { isSecretName, parseBindings } from "./bindings.ts";
import type { CredentialFile } from "./credential-dir.ts";
import { writeCredentials } from "./credential-dir.ts";
import {
  formatDockerConfig,
  makeBasicAuth,
  parseDockerCfg,
  parseDockerConfigJson,
  refuseBareDockerHub,
} from "./docker-config.ts";
import type { DockerAuths } from "./docker-config.ts";
import { formatGitConfig, formatGitCredentials, parseGitUrl } from "./git-files.ts";
import type { GitLogin } from "./git-files.ts";
import { endKey, formatKnownHosts, formatSshConfig, parseSshHost } from "./ssh-files.ts";
import type { SshKey } from "./ssh-files.ts";
import { openSecret, trimLineEnd } from "./secret-files.ts";

interface SecretFlags {
  readonly "secrets-dir": string;
  readonly "basic-docker": readonly string[];
  readonly "basic-git": readonly string[];
  readonly "ssh-git": readonly string[];
  readonly "docker-config": readonly string[];
  readonly "docker-cfg": readonly string[];
}

/** Turns the Secrets of the Build's ServiceAccount into the files that docker, git and ssh read. */
export const credentials: Command = async (args, context) => {
  const flags = parseFlags(args.map(doubleDash), {
    "secrets-dir": "once",
    "docker-dir": "once",
    "git-dir": "once",
    "basic-docker": "many",
    "basic-git": "many",
    "ssh-git": "many",
    "docker-config": "many",
    "docker-cfg": "many",
  });
  const wanted: SecretFlags = { ...flags, "secrets-dir": flags["secrets-dir"] ?? "/var/build-secrets" };
  const dockerConfig = await makeDockerConfig(wanted, context);
  const gitFiles = await makeGitFiles(wanted, resolve(requireFlag(flags, "git-dir")), context);
  await writeCredentials(resolve(requireFlag(flags, "docker-dir")), [{ path: "config.json", content: dockerConfig }]);
  await writeCredentials(resolve(requireFlag(flags, "git-dir")), gitFiles);
  return [];
};

/** The flags of v0.7 had one dash. */
function doubleDash(arg: string): string {
  return /^-[a-z]/.test(arg) ? `-${arg}` : arg;
}

async function makeDockerConfig(flags: SecretFlags, { say, hide }: CommandContext): Promise<string> {
  const layers: DockerAuths[] = [];
  for (const [key, names, parse] of [
    [".dockercfg", flags["docker-cfg"], parseDockerCfg],
    [".dockerconfigjson", flags["docker-config"], parseDockerConfigJson],
  ] as const) {
    for (const name of names) {
      if (!isSecretName(name)) throw new UsageError(`${JSON.stringify(name)} is not the name of a Secret`);
      layers.push(parse(await openSecret(flags["secrets-dir"], name).require(key), name));
    }
  }
  for (const { secret, target } of parseBindings("basic-docker", flags["basic-docker"])) {
    refuseBareDockerHub(target, secret);
    const login = await readLogin(flags, secret);
    hide(login.password);
    layers.push({ [target]: makeBasicAuth(login.username, login.password) });
  }
  for (const registry of new Set(layers.flatMap((layer) => Object.keys(layer)))) {
    say(`Credentials for the registry ${registry}`);
  }
  return formatDockerConfig(layers);
}

async function makeGitFiles(flags: SecretFlags, gitDir: string, context: CommandContext): Promise<CredentialFile[]> {
  const logins: GitLogin[] = [];
  for (const { secret, target } of parseBindings("basic-git", flags["basic-git"])) {
    const url = parseGitUrl(target, secret);
    const login = await readLogin(flags, secret);
    context.hide(login.password);
    context.say(`Credentials for git over ${url.protocol}//${url.host}`);
    logins.push({ url: target.includes("://") ? target : `https://${target}`, ...login });
  }
  const ssh = await makeSshFiles(flags, gitDir, context);
  const options = {
    credentialsFile: join(gitDir, ".git-credentials"),
    sshConfigFile: ssh.length === 0 ? undefined : join(gitDir, ".ssh/config"),
  };
  return [
    { path: ".gitconfig", content: formatGitConfig(logins, options) },
    { path: ".git-credentials", content: formatGitCredentials(logins) },
    ...ssh,
  ];
}

async function makeSshFiles(flags: SecretFlags, gitDir: string, { say }: CommandContext): Promise<CredentialFile[]> {
  const keys: SshKey[] = [];
  const knownHosts: string[] = [];
  const files: CredentialFile[] = [];
  for (const { secret, target } of parseBindings("ssh-git", flags["ssh-git"])) {
    const place = parseSshHost(target, secret);
    const source = openSecret(flags["secrets-dir"], secret);
    const known = await source.find("known_hosts");
    const isPinned = known !== undefined && known.trim() !== "";
    if (isPinned) knownHosts.push(known);
    const path = `.ssh/id_${secret}`;
    files.push({ path, content: endKey(await source.require("ssh-privatekey")), isKey: true });
    keys.push({ ...place, keyFile: join(gitDir, path), isPinned });
    say(`Credentials for git over ssh to ${target}`);
    if (!isPinned) say(`  its host key is believed on first use: add known_hosts to Secret "${secret}" to pin it`);
  }
  if (keys.length === 0) return [];
  return [
    ...files,
    { path: ".ssh/config", content: formatSshConfig(keys, join(gitDir, ".ssh/known_hosts")) },
    { path: ".ssh/known_hosts", content: formatKnownHosts(knownHosts) },
  ];
}

async function readLogin(flags: SecretFlags, secret: string): Promise<{ username: string; password: string }> {
  const files = openSecret(flags["secrets-dir"], secret);
  return {
    username: trimLineEnd(await files.require("username")),
    password: trimLineEnd(await files.require("password")),
  };
}
