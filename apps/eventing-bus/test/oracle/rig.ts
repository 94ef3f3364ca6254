// The world of the oracle: a real broker, real subscribers, the ways between, and the process that is tested.
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findLastingPort, startChildProgram, type ChildProgram } from "@kelvin/testkit/child-program";
import { openTcpProxy, type TcpProxy } from "@kelvin/testkit/tcp-proxy";
import type { BrokerAddress } from "./broker-bus.ts";
import type { BusArgument } from "./bus-program.ts";
import type { Sabotage } from "./sabotage.ts";
import { openStruckBroker, type StruckBroker } from "./struck-broker.ts";

/** A subscriber's process; it notes what it takes in a file. */
export interface SubscriberProcess {
  readonly port: number;
  /** Lines `<path> <id>`, in order. */
  notes(): { readonly path: string; readonly id: string }[];
  kill(): Promise<void>;
  start(): Promise<void>;
}

/** Where the process under test finds everybody, and a directory that outlives it. */
export type Ways = Pick<BusArgument, "broker" | "ports"> & { readonly dir: string };

/** Subscribers in processes of their own, and a way to one of them that can be broken. */
export interface Subscribers {
  readonly dir: string;
  readonly wayToStruck: TcpProxy;
  /** Takes for the steady consumers and for the choosy ones. */
  readonly steady: SubscriberProcess;
  readonly struck: SubscriberProcess;
  readonly sink: SubscriberProcess;
  readonly ports: Ways["ports"];
  close(): Promise<void>;
}

export async function openSubscribers(): Promise<Subscribers> {
  const dir = mkdtempSync(join(tmpdir(), "kelvin-oracle-"));
  const open = (name: string, delayMsMax: number) => openSubscriber(join(dir, name), delayMsMax);
  const [steady, struck, sink] = await Promise.all([open("steady", 5), open("struck", 60), open("sink", 5)]);
  const wayToStruck = await openTcpProxy(struck.port);
  return {
    dir,
    wayToStruck,
    steady,
    struck,
    sink,
    ports: { steady: steady.port, choosy: steady.port, struck: wayToStruck.port, sink: sink.port },
    async close() {
      await Promise.all([steady.kill(), struck.kill(), sink.kill()]);
      await wayToStruck.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** With a real broker, and a way to it that can be broken. */
export interface Rig extends Subscribers {
  readonly server: StruckBroker;
  readonly wayToBroker: TcpProxy;
  readonly broker: BrokerAddress;
}

export async function openRig(kind: BrokerAddress["kind"]): Promise<Rig> {
  const server = await openStruckBroker(kind);
  const subscribers = await openSubscribers();
  return {
    ...subscribers,
    server,
    wayToBroker: server.way,
    broker: server.address,
    async close() {
      await subscribers.close();
      await server.close();
    },
  };
}

async function openSubscriber(file: string, delayMsMax: number): Promise<SubscriberProcess> {
  const port = await findLastingPort();
  let child: ChildProgram | undefined;
  const subscriber: SubscriberProcess = {
    port,
    notes() {
      const lines = existsSync(file) ? readFileSync(file, "utf8").split("\n") : [];
      return lines
        .filter((line) => line !== "")
        .map((line) => {
          const [path = "", id = ""] = line.split(" ");
          return { path, id };
        });
    },
    async kill() {
      await child?.kill();
      child = undefined;
    },
    async start() {
      const program = join(import.meta.dirname, "subscriber-program.ts");
      child = startChildProgram(program, { port, file, delayMsMax });
      await child.hear(isReady);
    },
  };
  await subscriber.start();
  return subscriber;
}

/** The process under test, life after life. */
export interface BusProcess {
  readonly port: number;
  /** The one that lives now. */
  readonly now: ChildProgram;
  /** Starts the next one. Resolves when it takes events. */
  start(): Promise<void>;
  close(): Promise<void>;
}

export async function startBus(
  { dir, broker, ports }: Ways,
  { run, sabotage }: { readonly run: string; readonly sabotage?: Sabotage },
): Promise<BusProcess> {
  const port = await findLastingPort();
  const argument: BusArgument = {
    broker,
    port,
    run,
    ports,
    ...(sabotage === undefined ? {} : { sabotage }),
    memoryFile: join(dir, `${run}-memory`),
  };
  const start = async (): Promise<ChildProgram> => {
    const child = startChildProgram(join(import.meta.dirname, "bus-program.ts"), argument);
    await child.hear(isReady);
    return child;
  };
  let now = await start();
  return {
    port,
    get now() {
      return now;
    },
    async start() {
      now = await start();
    },
    close: () => now.kill(),
  };
}

function isReady(message: object): message is { kind: "ready" } {
  return "kind" in message && message.kind === "ready";
}
