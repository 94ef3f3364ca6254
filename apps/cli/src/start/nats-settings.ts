import { UsageError } from "../usage-error.ts";
import { hostName, type HostServices } from "./outside.ts";

/** A NATS server of the user's, and who we are there. */
export interface NatsSettings {
  /** As Pods are to use them: a server on this machine's loopback has the machine's name inside the cluster. */
  readonly urls: readonly string[];
  readonly user?: string;
  readonly password?: string;
  /** The server on this machine's loopback, if one is. */
  readonly hostServices: HostServices;
}

/** The port of NATS. Inside the cluster the machine's own server always has it; ports of the way out are few. */
export const natsPort = 4222;
const schemes = ["nats:", "tls:"];
const loopbackHosts = /^(?:localhost|127(?:\.\d{1,3}){3}|\[::1\])$/;

/**
 * Reads NATS_URL (servers, with commas between them), NATS_USER and NATS_PASSWORD; `undefined` when no server is named.
 * @throws UsageError naming the variable, what is wrong with it, and what is allowed.
 */
export function parseNatsSettings(environment: Readonly<Record<string, string | undefined>>): NatsSettings | undefined {
  const text = environment["NATS_URL"] ?? "";
  if (text.trim() === "") return undefined;
  const servers = text.split(",").map((part) => parseServer(part.trim()));
  const own = servers.filter(isOnThisMachine);
  const [service] = own;
  if (own.length > 1) {
    throw new UsageError(`NATS_URL: ${own.length} servers on this machine's loopback; Pods can be led to one`);
  }
  const [user = environment["NATS_USER"]] = servers.flatMap(({ username }) => decodeGiven(username));
  const [password = environment["NATS_PASSWORD"]] = servers.flatMap((server) => decodeGiven(server.password));
  return {
    urls: servers.map((server) => {
      const host = isOnThisMachine(server) ? `${hostName}:${natsPort}` : `${server.hostname}:${portOf(server)}`;
      return `${server.protocol}//${host}`;
    }),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
    hostServices: new Map(
      service === undefined ? [] : [[natsPort, { host: plainHost(service.hostname), port: portOf(service) }]],
    ),
  };
}

function parseServer(text: string): URL {
  const url = URL.parse(text.includes("://") ? text : `nats://${text}`);
  if (url !== null && schemes.includes(url.protocol) && url.hostname !== "" && ["", "/"].includes(url.pathname))
    return url;
  // What is shown may hold a password.
  const shown = text.replace(/\/\/.*@/, "//…@");
  throw new UsageError(`NATS_URL "${shown}" is not nats://host:port or tls://host:port`);
}

function isOnThisMachine({ hostname }: URL): boolean {
  return loopbackHosts.test(hostname);
}

function portOf({ port }: URL): number {
  return port === "" ? natsPort : Number(port);
}

function plainHost(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, "$1");
}

function decodeGiven(text: string): string[] {
  return text === "" ? [] : [decodeURIComponent(text)];
}
