/** What the environment says to every command. */
export interface Config {
  /** Where the outcome is written for the kubelet to read. */
  readonly terminationLogPath: string;
  /** Holds config.json with the credentials of registries. Undefined: no registry credentials. */
  readonly dockerConfigDir: string | undefined;
  /** How registries are spoken to, beside what the credentials say. */
  readonly registry: {
    /** A file of certificates to trust beside the usual ones. */
    readonly ca: string | undefined;
    /** Hosts that speak plain http. Those of this machine may always. */
    readonly plainHttp: readonly string[];
  };
  /** Passed on to the tools that commands run: never the whole environment. */
  readonly passedOn: Readonly<Record<string, string>>;
}

/** Proxies and trusted authorities belong to the machine, not to the build: tools need them to reach anything. */
const passedOnNames = [
  "PATH",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "GIT_SSL_CAINFO",
  "NODE_EXTRA_CA_CERTS",
  "TZ",
];

/** Reads the environment. Nothing in it is required. */
export function parseConfig(env: NodeJS.ProcessEnv): Config {
  const passedOn = passedOnNames.flatMap((name) => {
    const value = env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return {
    terminationLogPath: env["TERMINATION_LOG_PATH"] ?? "/dev/termination-log",
    dockerConfigDir: env["DOCKER_CONFIG"],
    registry: {
      ca: env["REGISTRY_CA_FILE"],
      plainHttp: (env["REGISTRY_PLAIN_HTTP"] ?? "").split(",").filter((host) => host !== ""),
    },
    passedOn: Object.fromEntries(passedOn),
  };
}
