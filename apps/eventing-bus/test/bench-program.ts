// The data path of the eventing-bus as a process: one broker, on the bus in memory or on a real one. node bench-program.ts JSON. See bench/events.ts.
import { makeMemoryDeadLetterStore, openStreamDelivery, openStubBus, systemClock, type Consumer } from "@kelvin/bus";
import { eventAttribute } from "@kelvin/cloudevents";
import { acceptReply, type Entrance } from "../src/data-path/accept.ts";
import { openHttpSender } from "../src/data-path/http-sender.ts";
import { openIngress } from "../src/data-path/ingress.ts";
import { brokerPrivateAttributes } from "../src/data-path/time-to-live.ts";
import { openBrokerBus, type BrokerAddress } from "./oracle/broker-bus.ts";

/** What the process is told when it starts. */
export interface BenchProgramSpec {
  readonly port: number;
  /** The subscribers' ports: a trigger for each takes the events of the load. */
  readonly targetPorts: readonly number[];
  /** Triggers for events that do not come. */
  readonly idleTriggers: number;
  /** The port of a subscriber that takes every event and never answers. */
  readonly silentPort?: number;
  /** Where the broker is; without one the bus is in memory. */
  readonly broker?: BrokerAddress;
}

/** The type of the load's events. */
const eventType = "com.example.bench";

/** Limits and bounds as the service has them. */
const limits = { inFlight: 100, ratePerSecond: undefined, backlog: 10_000 };
const bytesMax = 64 * 1024 * 1024;

await serve(JSON.parse(process.argv[2] ?? "{}") as BenchProgramSpec);

async function serve({ port, targetPorts, idleTriggers, silentPort, broker }: BenchProgramSpec): Promise<void> {
  const clock = systemClock;
  const sender = openHttpSender({
    connectionsMax: 100,
    originsMax: 1_000,
    answerBytesMax: 1024 * 1024,
    connectMsMax: 5_000,
    clock,
  });
  const bus = broker === undefined ? openStubBus() : await openBrokerBus(broker, { name: "bench" });
  const delivery = await openStreamDelivery(
    bus,
    {
      log: { id: "bench", partitions: 1, unfinishedBytesMax: 256 * 1024 * 1024 },
      reading: "shared",
      handoffMs: 1_000,
      inFlightMax: 1_000,
    },
    {
      clock,
      random: Math.random,
      sender,
      deadLetters: makeMemoryDeadLetterStore({ bytesMax, clock }),
      stream: {
        privateAttributes: brokerPrivateAttributes,
        acceptReply: (reply, original) => acceptReply(reply, original, entrance),
      },
      note: () => undefined,
      onFault: (error) => process.stderr.write(`${String(error)}\n`),
    },
  );
  const entrance: Entrance = { log: delivery.log, kind: "broker", nowMs: () => clock.nowMs() };
  const targets = [...targetPorts, ...(silentPort === undefined ? [] : [silentPort])];
  await delivery.setConsumers([
    ...targets.map((target) => trigger(`target${target}`, { type: eventType, target })),
    ...Array.from({ length: idleTriggers }, (_, index) =>
      trigger(`idle${index}`, { type: `com.example.idle${index}`, target: targets[0] ?? 0 }),
    ),
  ]);
  await openIngress({
    listeners: [{ name: "http", port, host: "127.0.0.1" }],
    find: ({ path }) => (path === "/bench/events" ? entrance : undefined),
    bodyBytesMax: () => 1024 * 1024,
    log: { warn: (_, text) => process.stderr.write(`${text}\n`) },
  });
}

function trigger(id: string, { type, target }: { readonly type: string; readonly target: number }): Consumer {
  return {
    id,
    uid: id,
    generation: 1,
    since: undefined,
    types: [type],
    matches: (event) => eventAttribute(event, "type") === type,
    subscriber: { url: `http://127.0.0.1:${target}/` },
    reply: { kind: "stream" },
    deadLetter: undefined,
    retryPolicy: { retry: 10, backoff: { policy: "exponential", delayMs: 200 }, timeoutMs: 30_000 },
    format: undefined,
    limits,
  };
}
