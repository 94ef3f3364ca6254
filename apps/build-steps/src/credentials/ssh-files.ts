import { StepFailure } from "../step-failure.ts";

/** A private key for one host. */
export interface SshKey {
  readonly host: string;
  readonly port: number;
  readonly keyFile: string;
  /** Whether the Secret pins the host's key. */
  readonly isPinned: boolean;
}

/** `host` or `host:port`, as the annotation of an ssh-auth Secret says. @throws StepFailure when it is neither. */
export function parseSshHost(target: string, secret: string): { host: string; port: number } {
  const match = /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9_][A-Za-z0-9_.-]*))(?::(\d{1,5}))?$/.exec(target);
  const [, address, name, portText = "22"] = match ?? [];
  const [host, port] = [address ?? name, Number(portText)];
  if (host !== undefined && port >= 1 && port <= 65535) return { host, port };
  throw new StepFailure(
    "CredentialsInvalid",
    `Secret "${secret}" names ${JSON.stringify(target)} in its git annotation; an ssh-auth Secret takes host or host:port`,
  );
}

/**
 * ssh's config: each host gets its own key and no other, nothing is asked, and a host whose key is not pinned is believed
 * on first use only. New host keys go to `~/.ssh/known_hosts`, so that the given file stays as it is.
 */
export function formatSshConfig(keys: readonly SshKey[], knownHostsFile: string): string {
  const hosts = keys.flatMap(({ host, port, keyFile, isPinned }) => [
    `Host ${host}`,
    `    HostName ${host}`,
    `    IdentityFile ${keyFile}`,
    `    Port ${port}`,
    `    StrictHostKeyChecking ${isPinned ? "yes" : "accept-new"}`,
  ]);
  const all = [
    "Host *",
    "    IdentitiesOnly yes",
    "    BatchMode yes",
    "    ForwardAgent no",
    "    StrictHostKeyChecking yes",
    `    UserKnownHostsFile ~/.ssh/known_hosts ${knownHostsFile}`,
  ];
  return `${[...hosts, ...all].join("\n")}\n`;
}

/** known_hosts of all Secrets, one after the other. */
export function formatKnownHosts(entries: readonly string[]): string {
  return entries.map((entry) => entry.trimEnd()).join("\n");
}

/** ssh reads no key whose last line does not end, which is what many tools put into Secrets. */
export function endKey(key: string): string {
  return `${key.replaceAll("\r\n", "\n").trimEnd()}\n`;
}
