import { lookup } from "node:dns";
import { BlockList, isIPv4, Socket } from "node:net";

/** What the cluster may ask of the world outside. The same shapes are in apps/local-cluster/src/network/host-ports.ts. */
export type OutsideRequest =
  | { type: "dial"; id: number; address: string; port: number }
  | { type: "look-up"; id: number; name: string };

export type OutsideAnswer =
  | { type: "dialled"; id: number; code?: string }
  | { type: "looked-up"; id: number; addresses: readonly string[]; code?: string };

/** Sends an answer to the cluster, and with it a connection. */
export type SendAnswer = (answer: OutsideAnswer, socket?: Socket) => Promise<void>;

/** A place to connect to. */
interface Destination {
  readonly host: string;
  readonly port: number;
}

/** Services of this machine that Pods may reach, by the port they ask `hostName` for. Nothing else of its loopback is theirs. */
export type HostServices = ReadonlyMap<number, Destination>;

/** The name of this machine inside the cluster, and the address that stands for it: one of those that are nobody's (RFC 5737). */
export const hostName = "host.kelvin.internal";
const hostAddress = "192.0.2.1";

/** The machine's own ways to the world; tests have others. */
export interface OutsideDeps {
  readonly connect: (destination: Destination) => Socket;
  /** All IPv4 addresses of a name. */
  readonly lookUp: (name: string) => Promise<readonly string[]>;
}

const DIAL_TIMEOUT_MS = 10_000;
const DIALS_MAX = 512;
const LOOK_UP_TIMEOUT_MS = 5_000;
/** Names are resolved in node's four threads, which files need, too. */
const LOOK_UPS_AT_ONCE = 3;
const LOOK_UPS_WAITING_MAX = 200;

/**
 * What is never dialled for the cluster: this machine's own loopback, where services listen that trust whoever reaches them;
 * the neighbours that only this machine should talk to (169.254 has the credentials of cloud machines); the cluster's own
 * addresses; and what is no address of anybody.
 */
const refused = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["10.44.0.0", 16],
  ["10.96.0.0", 16],
  ["224.0.0.0", 3],
] as const) {
  refused.addSubnet(network, bits);
}

export function isOutside(address: string): boolean {
  return isIPv4(address) && !refused.check(address);
}

/** Dials and resolves for the cluster, within limits. Each request is answered, whatever comes. */
export function openOutside(
  send: SendAnswer,
  { hostServices, ...deps }: OutsideDeps & { readonly hostServices: HostServices },
): (request: OutsideRequest) => Promise<void> {
  let dials = 0;
  const slots = openSlots(LOOK_UPS_AT_ONCE, LOOK_UPS_WAITING_MAX);

  async function dial({ id, address, port }: OutsideRequest & { type: "dial" }): Promise<void> {
    const own = address === hostAddress ? hostServices.get(port) : undefined;
    if (own === undefined && !isOutside(address)) return send({ type: "dialled", id, code: "ECONNREFUSED" });
    if (dials >= DIALS_MAX) return send({ type: "dialled", id, code: "EAGAIN" });
    dials += 1;
    try {
      const socket = await connectWithin(deps.connect(own ?? { host: address, port }), DIAL_TIMEOUT_MS);
      await send({ type: "dialled", id }, socket);
    } catch (error) {
      await send({ type: "dialled", id, code: codeOf(error) });
    } finally {
      dials -= 1;
    }
  }

  async function lookUp({ id, name }: OutsideRequest & { type: "look-up" }): Promise<void> {
    if (name === hostName && hostServices.size > 0) return send({ type: "looked-up", id, addresses: [hostAddress] });
    try {
      const found = await withTimeout(
        slots.run(() => deps.lookUp(name)),
        LOOK_UP_TIMEOUT_MS,
      );
      await send({ type: "looked-up", id, addresses: found.filter(isOutside) });
    } catch (error) {
      const code = codeOf(error);
      await send({ type: "looked-up", id, addresses: [], ...(code !== "ENOTFOUND" && { code }) });
    }
  }

  return (request) => (request.type === "dial" ? dial(request) : lookUp(request));
}

export const machineOutside: OutsideDeps = {
  connect({ host, port }) {
    const socket = new Socket({ allowHalfOpen: true });
    // What the other side says first is for the cluster: nothing of it may be read here.
    socket.pause();
    return socket.connect({ host, port });
  },
  lookUp: (name) =>
    new Promise((resolve, reject) => {
      lookup(name, { all: true, family: 4 }, (error, found) => {
        if (error === null) resolve(found.map(({ address }) => address));
        else reject(error);
      });
    }),
};

function connectWithin(socket: Socket, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy();
      reject(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" }));
    }, timeoutMs);
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(socket);
    });
  });
}

async function withTimeout<T>(work: Promise<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(Object.assign(new Error("late"), { code: "EAI_AGAIN" })), timeoutMs);
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs at most `count` tasks at once and lets at most `waitingMax` wait. */
function openSlots(count: number, waitingMax: number): { run<T>(task: () => Promise<T>): Promise<T> } {
  const waiting: (() => void)[] = [];
  let free = count;
  return {
    async run(task) {
      if (free > 0) free -= 1;
      else if (waiting.length >= waitingMax) throw Object.assign(new Error("too many"), { code: "EAI_AGAIN" });
      else await new Promise<void>((resolve) => waiting.push(resolve));
      try {
        return await task();
      } finally {
        const next = waiting.shift();
        if (next === undefined) free += 1;
        else next();
      }
    },
  };
}

function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code ?? "EIO";
}
