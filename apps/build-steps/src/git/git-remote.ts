import { StepFailure } from "../step-failure.ts";

/** Ways to reach a repository. `file` and `git` (unencrypted, unauthenticated) only where they are allowed by name. */
export type GitProtocol = "https" | "http" | "ssh" | "git" | "file";

/** A repository that has been checked to name nothing but a repository. */
export interface GitRemote {
  /** What git is given and what `.git/config` keeps: never with a password. */
  readonly url: string;
  readonly protocol: GitProtocol;
  /** Undefined for `file`. */
  readonly endpoint: { readonly host: string; readonly port: number } | undefined;
  /** Given in the URL itself. */
  readonly login: { readonly username: string; readonly password: string } | undefined;
}

const ports: Readonly<Record<Exclude<GitProtocol, "file">, number>> = { https: 443, http: 80, ssh: 22, git: 9418 };

/** @throws StepFailure `SourceRefused` for anything but a URL or user@host:path of an allowed protocol. */
export function parseGitRemote(text: string, allowed: readonly GitProtocol[]): GitRemote {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  if (text === "" || text.startsWith("-") || /[\u0000-\u0020\u007f]/.test(text)) {
    throw refuse(text, 'it must not be empty, start with "-" or hold spaces or control characters');
  }
  if (/^[^/]*::/.test(text)) throw refuse(text, "remote helpers (x::y) run programs");
  const remote = text.includes("://") ? parseUrl(text) : parseScpLike(text);
  if (allowed.includes(remote.protocol)) return remote;
  throw refuse(text, `the protocol "${remote.protocol}" is not allowed; use ${allowed.join(", ")}`);
}

function parseUrl(text: string): GitRemote {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const protocol = url?.protocol.slice(0, -1);
  if (url === undefined || protocol === undefined) throw refuse(text, "it is no URL");
  if (protocol === "file") return { url: text, protocol, endpoint: undefined, login: undefined };
  if (!isRemoteProtocol(protocol))
    throw refuse(text, `the protocol "${protocol}" is not one of git's; use https or ssh`);
  const [username, password] = [decode(url.username, text), decode(url.password, text)];
  decode(url.pathname, text);
  if (url.hostname === "" || url.hostname.startsWith("-") || username.startsWith("-")) {
    throw refuse(text, "its host or user is none");
  }
  url.password = "";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return {
    url: url.toString(),
    protocol,
    endpoint: { host, port: url.port === "" ? ports[protocol] : Number(url.port) },
    login: password === "" ? undefined : { username, password },
  };
}

/** `git@host:path`, which is ssh. */
function parseScpLike(text: string): GitRemote {
  const match = /^(?:([A-Za-z0-9_.][\w.-]*)@)?([A-Za-z0-9_][\w.-]*|\[[0-9A-Fa-f:.]+\]):(?!\/\/)(.+)$/.exec(text);
  const host = match?.[2];
  if (host === undefined || match?.[3]?.startsWith("-") === true) {
    throw refuse(text, "write it as https://host/path, ssh://user@host/path or user@host:path");
  }
  return {
    url: text,
    protocol: "ssh",
    endpoint: { host: host.replace(/^\[|\]$/g, ""), port: ports.ssh },
    login: undefined,
  };
}

/**
 * The URL of a submodule. One that begins with `./` or `../` is meant from its parent's URL, as git does it.
 *
 * @throws StepFailure when it climbs above the parent's host.
 */
export function resolveSubmoduleUrl(parent: string, url: string): string {
  if (!/^\.\.?\//.test(url)) return url;
  const [, place = "", root = "", path = ""] = /^([a-z+]+:\/\/[^/]*|[^/:]+:)(\/*)(.*)$/.exec(parent) ?? [];
  const parts = path.split("/").filter((part) => part !== "");
  for (const part of url.split("/")) {
    if (part === "..") {
      if (parts.pop() === undefined) throw refuse(url, `it climbs above ${parent}`);
    } else if (part !== "." && part !== "") parts.push(part);
  }
  return `${place}${root}${parts.join("/")}`;
}

function isRemoteProtocol(protocol: string): protocol is keyof typeof ports {
  return Object.hasOwn(ports, protocol);
}

function decode(part: string, text: string): string {
  let decoded: string | undefined;
  try {
    decoded = decodeURIComponent(part);
  } catch {
    // Left undefined: a lone percent sign is as unusable as a hidden line end.
  }
  // oxlint-disable-next-line no-control-regex -- a line end would start another question to the credential helper
  if (decoded !== undefined && !/[\u0000-\u001f\u007f]/.test(decoded)) return decoded;
  throw refuse(text, "it holds a percent sign that stands for no sign, or for a control character");
}

function refuse(text: string, why: string): StepFailure {
  const shown = text.replace(/\/\/[^/@]*@/, "//***@").slice(0, 200);
  return new StepFailure("SourceRefused", `${JSON.stringify(shown)} is not a git URL that can be fetched: ${why}`);
}
