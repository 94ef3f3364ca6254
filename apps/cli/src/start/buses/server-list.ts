import { UsageError } from "../../usage-error.ts";
import { hostName, type HostServices } from "../outside.ts";

/** A place that a broker listens on. */
export interface Server {
  readonly host: string;
  readonly port: number;
}

/** Whether a host's name or address means this machine alone. IPv6 addresses may have brackets. */
export function isLoopback(host: string): boolean {
  return /^(?:localhost|127(?:\.\d{1,3}){3}|\[?::1\]?)$/.test(host);
}

/** Reads "host:port,[::1]:port"; the port may be left out. @throws UsageError naming the variable and what is allowed. */
export function parseServers(variable: string, text: string, portDefault: number): Server[] {
  return text.split(",").map((part) => {
    const url = URL.parse(`tcp://${part.trim()}`);
    const isPlain = url !== null && url.hostname !== "" && url.username === "" && ["", "/"].includes(url.pathname);
    if (!isPlain || part.includes("/")) throw new UsageError(`${variable} "${part.trim()}" is not host:port`);
    return { host: url.hostname, port: url.port === "" ? portDefault : Number(url.port) };
  });
}

/** How a server is written inside the cluster, where this machine's loopback has the machine's name. */
export function formatServer({ host, port }: Server): string {
  return `${isLoopback(host) ? hostName : host}:${port}`;
}

/** The servers on this machine's loopback, each led to by its own port. */
export function hostServicesOf(servers: readonly Server[]): HostServices {
  const own = servers.filter(({ host }) => isLoopback(host));
  return new Map(own.map(({ host, port }) => [port, { host: plainHost(host), port }]));
}

/** A host as programs take it: IPv6 addresses without brackets. */
export function plainHost(host: string): string {
  return host.replace(/^\[(.*)\]$/, "$1");
}

/** Says so when none of a user's servers answers. It may come later, and Pods may reach what this machine does not: nothing is refused. */
export async function warnIfAway(
  {
    variable,
    servers,
    isThere,
  }: { variable: string; servers: readonly Server[]; isThere: (server: Server) => Promise<boolean> },
  say: (text: string) => void,
): Promise<void> {
  const places = servers.map(({ host, port }) => ({ host: plainHost(host), port }));
  const answers = await Promise.all(places.map(isThere));
  if (answers.includes(true)) return;
  const shown = servers.map(({ host, port }) => `${host}:${port}`).join(", ");
  say(`Nothing answers at ${shown} (${variable}) as it should: Brokers and Channels on it are not ready until it does`);
}
