import { UsageError } from "../../usage-error.ts";
import { hostName, type HostServices } from "../outside.ts";
import { type BusSettings, type ChosenBus, type Environment, type OpenBus, openedBus } from "./bus.ts";
import { greetsAsNats } from "./broker-probes.ts";
import { isLoopback, plainHost, type Server, warnIfAway } from "./server-list.ts";

/** The port of NATS. Inside the cluster the machine's own server always has it; ports of the way out are few. */
const natsPort = 4222;
const schemes = ["nats:", "tls:"];

/** NATS: the servers in NATS_URL, or one of our own. @throws UsageError naming the variable, and what is allowed. */
export function chooseNats(environment: Environment): ChosenBus {
  const nats = parseNatsSettings(environment);
  const isHere = nats === undefined || nats.hostServices.size > 0;
  return {
    name: "nats",
    ...(isHere && { elsewhere: "NATS_URL=nats://<address>:4222" }),
    async open({ dataDir, say }) {
      if (nats !== undefined) return openNamed(nats, say);
      const { openNatsServer } = await import("./nats-server.ts");
      const server = await openNatsServer(dataDir, say);
      const { user, password, port } = server;
      say(`nats-server answers on port ${port} of this machine`);
      return openedBus({
        settings: [settingsOf({ urls: [`nats://${hostName}:${natsPort}`], user, password })],
        hostServices: new Map([[natsPort, { host: "127.0.0.1", port }]]),
        ports: [natsPort],
        close: () => server.close(),
      });
    },
  };
}

async function openNamed(nats: NatsSettings, say: (text: string) => void): Promise<OpenBus> {
  const { servers, hostServices } = nats;
  await warnIfAway({ variable: "NATS_URL", servers, isThere: greetsAsNats }, say);
  const ports = nats.urls.map((url) => Number(new URL(url).port));
  return openedBus({ settings: [settingsOf(nats)], hostServices, ports });
}

function settingsOf({ urls, user, password }: Pick<NatsSettings, "urls" | "user" | "password">): BusSettings {
  const url = urls.join(",");
  const values = { url, ...(user !== undefined && { user }), ...(password !== undefined && { password }) };
  return { kind: "Secret", name: "nats-clusterbus", values };
}

/** A NATS server of the user's, and who we are there. */
interface NatsSettings {
  /** As the user named them. */
  readonly servers: readonly Server[];
  /** As Pods are to use them: a server on this machine's loopback has the machine's name inside the cluster. */
  readonly urls: readonly string[];
  readonly user?: string;
  readonly password?: string;
  /** The server on this machine's loopback, if one is. */
  readonly hostServices: HostServices;
}

/**
 * Reads NATS_URL (servers, with commas between them), NATS_USER and NATS_PASSWORD; `undefined` when no server is named.
 * @throws UsageError naming the variable, what is wrong with it, and what is allowed.
 */
export function parseNatsSettings(environment: Environment): NatsSettings | undefined {
  const text = environment["NATS_URL"] ?? "";
  if (text.trim() === "") return undefined;
  const urls = text.split(",").map((part) => parseServer(part.trim()));
  const own = urls.filter(isOnThisMachine);
  const [service] = own;
  if (own.length > 1) {
    throw new UsageError(`NATS_URL: ${own.length} servers on this machine's loopback; Pods can be led to one`);
  }
  const [user = environment["NATS_USER"]] = urls.flatMap(({ username }) => decodeGiven(username));
  const [password = environment["NATS_PASSWORD"]] = urls.flatMap((url) => decodeGiven(url.password));
  return {
    servers: urls.map((url) => ({ host: url.hostname, port: portOf(url) })),
    urls: urls.map((url) => {
      const host = isOnThisMachine(url) ? `${hostName}:${natsPort}` : `${url.hostname}:${portOf(url)}`;
      return `${url.protocol}//${host}`;
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
  return isLoopback(hostname);
}

function portOf({ port }: URL): number {
  return port === "" ? natsPort : Number(port);
}

function decodeGiven(text: string): string[] {
  return text === "" ? [] : [decodeURIComponent(text)];
}
