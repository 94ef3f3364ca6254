// A real broker that is struck, and the way to it.
import { findKafkaProblem } from "@kelvin/testkit/kafka-jars";
import { openKafkaServer } from "@kelvin/testkit/kafka-server";
import { findNatsProblem, openNatsServer } from "@kelvin/testkit/nats-server";
import { findPubsubProblem, openPubsubEmulator } from "@kelvin/testkit/pubsub-emulator";
import { openTcpProxy, type TcpProxy } from "@kelvin/testkit/tcp-proxy";
import type { BrokerAddress } from "./broker-bus.ts";

export interface StruckBroker {
  readonly way: TcpProxy;
  /** Over the way that is struck, and past it. */
  readonly address: BrokerAddress;
  readonly directAddress: BrokerAddress;
  /** SIGKILL; the data stays. */
  kill(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export function findBrokerProblem(kind: BrokerAddress["kind"]): string | undefined {
  if (kind === "gcppubsub") return findPubsubProblem();
  return kind === "kafka" ? findKafkaProblem() : findNatsProblem();
}

export async function openStruckBroker(kind: BrokerAddress["kind"]): Promise<StruckBroker> {
  if (kind === "gcppubsub") return openPubsub();
  return kind === "kafka" ? openKafka() : openNats();
}

async function openNats(): Promise<StruckBroker> {
  const server = await openNatsServer();
  const way = await openTcpProxy(server.port);
  return {
    ...server,
    way,
    address: { kind: "nats", at: `127.0.0.1:${way.port}` },
    directAddress: { kind: "nats", at: `127.0.0.1:${server.port}` },
    close: () => closeBoth(way, server),
  };
}

async function openKafka(): Promise<StruckBroker> {
  const ways: TcpProxy[] = [];
  const through = async (port: number): Promise<number> => {
    const way = await openTcpProxy(port);
    ways.push(way);
    return way.port;
  };
  const server = await openKafkaServer({ through });
  const [way] = ways;
  if (way === undefined) throw new Error("the broker did not ask for a way");
  return {
    ...server,
    way,
    address: { kind: "kafka", at: server.address },
    directAddress: { kind: "kafka", at: server.directAddress },
    close: () => closeBoth(way, server),
  };
}

/** The emulator keeps nothing over its end, so that it is not killed: only the way to it is struck. */
async function openPubsub(): Promise<StruckBroker> {
  const server = await openPubsubEmulator();
  const way = await openTcpProxy(server.port);
  const refuse = (): Promise<void> => Promise.reject(new Error("the emulator would forget what it took"));
  return {
    way,
    address: { kind: "gcppubsub", at: `127.0.0.1:${way.port}` },
    directAddress: { kind: "gcppubsub", at: server.host },
    kill: refuse,
    start: refuse,
    close: () => closeBoth(way, server),
  };
}

async function closeBoth(way: TcpProxy, server: { close(): Promise<void> }): Promise<void> {
  await way.close();
  await server.close();
}
