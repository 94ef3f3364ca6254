import type { NatsCredentials } from "@kelvin/bus-nats";
import { makeMemoryDeadLetterStore, openStubBus, systemClock, type Bus, type DeadLetterStore } from "@kelvin/bus";

// Not imported: an ES import of node:crypto evaluates its lazy exports, Web Crypto among them (40 ms and 10 MB).
const { randomUUID } = process.getBuiltinModule("node:crypto");

/** A bus that is open. */
export interface OpenedBus {
  readonly bus: Bus;
  readonly deadLetters: DeadLetterStore;
  /** The life of its streams: another one after a bus has forgotten them. Without dots. */
  readonly life: string;
  /** Whether what waits outlives this process. */
  readonly isDurable: boolean;
}

/**
 * Opens a bus as the environment says. What is wrong with that is told at once, before anything is opened.
 *
 * @throws Error naming the variable.
 */
export type BusOpener = (env: NodeJS.ProcessEnv) => OpenBus;

/** @throws BusUnavailableError when the broker is away, BusRefusedError when it refuses us: ask again later. */
export type OpenBus = () => Promise<OpenedBus>;

/** Over this the oldest dead letters of all consumers are thrown out, and counted. */
const DEAD_LETTER_BYTES_MAX = { memory: 64 * 1024 * 1024, disk: 1024 * 1024 * 1024 } as const;
/** Streams at a broker outlive this process. */
const FOR_EVER = "0";

/** Every kind of bus there is, by `BUS_KIND`. Only the one that is asked for is loaded. */
const openers: ReadonlyMap<string, BusOpener> = new Map([
  ["stub", openStub],
  ["nats", openNats],
]);

/** The opener of a kind of bus. @throws Error naming the kinds there are. */
export function findBusOpener(kind: string): BusOpener {
  const opener = openers.get(kind);
  if (opener !== undefined) return opener;
  throw new Error(`BUS_KIND must be one of ${[...openers.keys()].join(", ")}, was "${kind}"`);
}

function openStub(): OpenBus {
  return () =>
    Promise.resolve({
      bus: openStubBus(),
      deadLetters: makeMemoryDeadLetterStore({ bytesMax: DEAD_LETTER_BYTES_MAX.memory, clock: systemClock }),
      life: randomUUID(),
      isDurable: false,
    });
}

function openNats(env: NodeJS.ProcessEnv): OpenBus {
  const servers = serversOf(env["NATS_URL"] ?? "");
  const credentials = credentialsOf(env);
  const name = env["POD_NAME"] ?? "eventing-bus";
  const id = env["BUS_NAME"] ?? "nats";
  return async () => {
    const { openNatsBus } = await import("@kelvin/bus-nats");
    const bus = await openNatsBus({ servers, name, ...(credentials === undefined ? {} : { credentials }) });
    try {
      const deadLetters = await bus.openDeadLetterStore({ id, bytesMax: DEAD_LETTER_BYTES_MAX.disk });
      return { bus, deadLetters, life: FOR_EVER, isDurable: true };
    } catch (error) {
      await bus.close();
      throw error;
    }
  };
}

function serversOf(text: string): string[] {
  const servers = text.split(",").map((server) => server.trim());
  const bad = servers.find((server) => !URL.canParse(server) || !/^(nats|tls):\/\//.test(server));
  if (bad === undefined) return servers;
  throw new Error(`NATS_URL must be a list of nats://host:port or tls://host:port with commas, was "${text}"`);
}

function credentialsOf(env: NodeJS.ProcessEnv): NatsCredentials | undefined {
  const { NATS_CREDS: file = "", NATS_USER: user = "", NATS_PASSWORD: password = "" } = env;
  if (file !== "") return { file };
  if (user !== "") return { user, password };
  if (password === "") return undefined;
  throw new Error("NATS_PASSWORD needs NATS_USER beside it");
}
