import { StepFailure } from "../step-failure.ts";

/** A user and password for one git URL. */
export interface GitLogin {
  readonly url: string;
  readonly username: string;
  readonly password: string;
}

/** Where the other files stand: .gitconfig names them, since only the HOME of the builder would be searched otherwise. */
export interface GitConfigOptions {
  readonly credentialsFile: string;
  /** Undefined when there are no keys: then ssh goes its own way. */
  readonly sshConfigFile: string | undefined;
}

/** The URL that logins are bound to. A bare host is meant for https. @throws StepFailure when it is no http(s) URL. */
export function parseGitUrl(target: string, secret: string): URL {
  const text = target.includes("://") ? target : `https://${target}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url !== undefined && ["http:", "https:"].includes(url.protocol) && !hasControlCharacter(target)) return url;
  throw new StepFailure(
    "CredentialsInvalid",
    `Secret "${secret}" names ${JSON.stringify(target)} in its git annotation; write an http(s) URL such as https://git.example.com`,
  );
}

/** .git-credentials: one URL a line with user and password in it. git offers each to its own scheme, host and port only. */
export function formatGitCredentials(logins: readonly GitLogin[]): string {
  return logins
    .map(({ url, username, password }) => {
      const { protocol, host, pathname } = new URL(url);
      const login = `${encodePart(username)}:${encodePart(password)}`;
      return `${protocol}//${login}@${host}${pathname === "/" ? "" : pathname}\n`;
    })
    .join("");
}

/** .gitconfig: which file holds the logins, and who logs in where. */
export function formatGitConfig(logins: readonly GitLogin[], options: GitConfigOptions): string {
  const lines = ["[credential]", `\thelper = ${quote(`store --file=${options.credentialsFile}`)}`];
  for (const { url, username } of logins) {
    lines.push(`[credential ${quoteAlways(url)}]`, `\tusername = ${quote(username)}`);
  }
  if (options.sshConfigFile !== undefined) {
    lines.push("[core]", `\tsshCommand = ${quote(`ssh -F ${options.sshConfigFile}`)}`);
  }
  return `${lines.join("\n")}\n`;
}

/** Percent-encodes all that has a meaning in the user part of a URL. */
function encodePart(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);
}

function quote(value: string): string {
  return /^[\w@./:+=-]+( [\w@./:+=-]+)*$/.test(value) ? value : quoteAlways(value);
}

function quoteAlways(value: string): string {
  return `"${value
    .replaceAll(/["\\]/g, (sign) => `\\${sign}`)
    .replaceAll("\n", "\\n")
    .replaceAll("\t", "\\t")}"`;
}

/** Whether a text holds what would end a line of a configuration file or hide in a terminal. */
export function hasControlCharacter(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return /[\u0000-\u001f\u007f]/.test(text);
}
