// The data path as a process: two streams of one bus, one read as a broker and one as a channel, each with three consumers.
import {
  BusError,
  makeMemoryDeadLetterStore,
  openStreamDelivery,
  openStubBus,
  systemClock,
  type Bus,
  type Consumer,
  type DeadLetterStore,
  type DeliveryPorts,
  type Reading,
  type StreamDelivery,
} from "@kelvin/bus";
import type { Entrance } from "../../src/data-path/accept.ts";
import { openHttpSender } from "../../src/data-path/http-sender.ts";
import { openIngress } from "../../src/data-path/ingress.ts";
import { openBrokerBus, type BrokerAddress } from "./broker-bus.ts";
import { applySabotage, type Sabotage } from "./sabotage.ts";
import { announcingBus, announcingPorts, obeyOrders, type Notice, type Order } from "./transitions.ts";
import { CONSUMERS, DEAD_LETTERS, logSpec, SILENCE_MS_MAX, STREAMS, WINDOW, type ConsumerName } from "./world.ts";

/** What the process is told when it starts. */
export interface BusArgument {
  /** Where the broker is; undefined: the stub bus. */
  readonly broker: BrokerAddress | undefined;
  readonly port: number;
  /** Unlike that of any other run on the same broker. */
  readonly run: string;
  /** The ports of the subscribers, and of the dead-letter sink. */
  readonly ports: Readonly<Record<ConsumerName | "sink", number>>;
  readonly sabotage?: Sabotage;
  readonly memoryFile: string;
}

const argument = JSON.parse(process.argv[2] ?? "{}") as BusArgument;
const passing = obeyOrders();
const sender = openHttpSender({
  connectionsMax: 64,
  originsMax: 10,
  answerBytesMax: 100_000,
  connectMsMax: 1_000,
  clock: systemClock,
});

interface Opened {
  readonly bus: Bus;
  readonly deadLetters: DeadLetterStore;
}

async function openBus(): Promise<Opened> {
  if (argument.broker === undefined) {
    const deadLetters = makeMemoryDeadLetterStore({ bytesMax: 10_000_000, clock: systemClock });
    return { bus: openStubBus(), deadLetters };
  }
  const bus = await openBrokerBus(argument.broker, { name: "oracle", silenceMsMax: SILENCE_MS_MAX });
  try {
    return { bus, deadLetters: await bus.openDeadLetterStore({ id: argument.run, ...DEAD_LETTERS }) };
  } catch (error) {
    await bus.close();
    throw error;
  }
}

/** As a service does: whatever is away when it starts is waited for. */
async function untilThere<T>(open: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await open();
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

function consumer(stream: Reading, name: ConsumerName): Consumer {
  const at = (to: ConsumerName | "sink", path: string): { url: string } => ({
    url: `http://127.0.0.1:${argument.ports[to]}/${path}`,
  });
  const { retryPolicy, hasSink } = CONSUMERS[name];
  return {
    id: `${stream}/${name}`,
    uid: name,
    generation: 1,
    since: undefined,
    types: undefined,
    matches: undefined,
    subscriber: at(name, `${stream}/${name}`),
    reply: { kind: "none" },
    // The choosy one has a sink on one stream alone: on the other its letters go to the store.
    deadLetter: hasSink || stream === "shared" ? at("sink", `dead/${stream}/${name}`) : undefined,
    retryPolicy,
    format: undefined,
    limits: { inFlight: WINDOW, ratePerSecond: undefined, backlog: 10_000 },
  };
}

async function openStream(reading: Reading, { bus, deadLetters }: Opened): Promise<StreamDelivery> {
  const plain: DeliveryPorts = {
    clock: systemClock,
    random: Math.random,
    sender,
    deadLetters,
    stream: { privateAttributes: [], acceptReply: () => Promise.resolve() },
    note: () => undefined,
    onFault: (error) => process.stderr.write(`${String(error instanceof Error ? error.stack : error)}\n`),
  };
  const sabotaged = applySabotage(argument.sabotage, {
    ports: announcingPorts(plain, passing),
    bus: announcingBus(bus, passing),
    passing,
    memoryFile: argument.memoryFile,
  });
  return untilThere(async () => {
    const spec = {
      log: logSpec(argument.run, reading, argument.broker?.kind ?? "stub"),
      reading,
      handoffMs: 500,
      inFlightMax: WINDOW,
    };
    const opened = await openStreamDelivery(sabotaged.bus, spec, sabotaged.ports);
    try {
      const names = Object.keys(CONSUMERS) as ConsumerName[];
      await opened.setConsumers(names.map((name) => consumer(reading, name)));
      return opened;
    } catch (error) {
      await opened.close(0);
      throw error;
    }
  });
}

async function giveAccount(): Promise<void> {
  let waiting = 0;
  for (const delivery of deliveries) waiting += await delivery.unfinished();
  const stored: Record<string, string[]> = {};
  for (const stream of STREAMS) {
    for (const name of Object.keys(CONSUMERS)) {
      const letters = await opened.deadLetters.list(`${stream}/${name}`, { limit: LETTERS_MAX });
      stored[`${stream}/${name}`] = letters.map(({ headers }) => headers[headers.indexOf("ce-id") + 1] ?? "");
    }
  }
  process.send?.({ kind: "account", waiting, stored } satisfies Notice);
}

const LETTERS_MAX = 1_000_000;

const opened = await untilThere(openBus);
const entrances = new Map<string, Entrance>();
const deliveries: StreamDelivery[] = [];
for (const reading of STREAMS) {
  const delivery = await openStream(reading, opened);
  deliveries.push(delivery);
  entrances.set(`/${reading}`, { log: delivery.log, kind: "channel", nowMs: () => Date.now() });
}
await openIngress({
  listeners: [{ name: "http", port: argument.port, host: "127.0.0.1" }],
  find: ({ path }) => entrances.get(path),
  bodyBytesMax: () => 100_000,
  log: { warn: (_, text) => process.stderr.write(`${text}\n`) },
});
process.on("message", ({ kind }: Order) => {
  if (kind === "account") giveAccount().catch((error: unknown) => process.stderr.write(`${String(error)}\n`));
});
process.on("disconnect", () => process.exit(0));
process.send?.({ kind: "ready" } satisfies Notice);
