// One run: load, strikes, a quiet end, and the oracle's word.
import type { Bus } from "@kelvin/bus";
import { startEventLoad, type EventLoad } from "@kelvin/testkit/event-load";
import {
  ACCEPTED,
  judgeLosses,
  type ExpectedConsumer,
  type History,
  type LossVerdict,
  type Outage,
} from "@kelvin/testkit/loss-oracle";
import { openBrokerBus } from "./broker-bus.ts";
import { startBus, type BusProcess, type Rig, type SubscriberProcess } from "./rig.ts";
import type { Sabotage } from "./sabotage.ts";
import { describeStrike, type Strike } from "./strikes.ts";
import type { Notice, Order, Transition } from "./transitions.ts";
import { BODY_BYTES, CONSUMERS, DEAD_LETTERS, logSpec, STREAMS, type ConsumerName } from "./world.ts";

export interface RunSpec {
  /** Its name at the broker, and the number of its first event. */
  readonly run: string;
  readonly firstId: number;
  readonly ratePerSecond: number;
  readonly strikes: readonly Strike[];
  readonly random: () => number;
  readonly sabotage?: Sabotage;
}

export interface RunReport extends LossVerdict {
  readonly offeredCount: number;
  /** Strikes whose transition was seen, in order; the others do not count. */
  readonly seen: readonly string[];
  readonly unseen: readonly string[];
  /** Records that waited at the broker when patience ended: 0, or nothing that is said of losses counts. */
  readonly stillWaiting: number;
}

/** Numbers that a run may use for its events. */
export const IDS_A_RUN = 1_000_000;
/** How long the rig waits for a transition, for a first event after an outage, and for the end. */
const SIGHT_MS_MAX = 20_000;
const RECOVERY_MS_MAX = 15_000;
/** An event that found its subscriber down or busy waits up to a minute, and may have to wait again. */
const SETTLE_MS_MAX = 180_000;

interface Run {
  readonly spec: RunSpec;
  readonly rig: Rig;
  readonly bus: BusProcess;
  readonly load: EventLoad;
  readonly outages: Outage[];
}

export async function runOracle(rig: Rig, spec: RunSpec): Promise<RunReport> {
  const { run, sabotage } = spec;
  const bus = await startBus(rig, { run, ...(sabotage === undefined ? {} : { sabotage }) });
  const load = startEventLoad({ ...spec, port: bus.port, streams: STREAMS, bodyBytes: BODY_BYTES });
  const running: Run = { spec, rig, bus, load, outages: [] };
  const [seen, unseen]: [string[], string[]] = [[], []];
  try {
    await load.untilAccepted(RECOVERY_MS_MAX);
    for (const strike of spec.strikes) {
      await pause(300 + spec.random() * 500);
      ((await strikeOnce(strike, running)) ? seen : unseen).push(describeStrike(strike));
    }
    await pause(1_000);
    await load.stop();
    const verdict = await settle(running);
    return { ...verdict, offeredCount: load.offered.length, seen, unseen };
  } finally {
    await load.stop();
    await bus.close();
  }
}

/** Strikes when the transition is seen, mends, and waits until events are taken again. False: it was not seen. */
async function strikeOnce(strike: Strike, running: Run): Promise<boolean> {
  if (strike.victim === "bus") return killBus(strike.transition, running);
  const { bus, load, outages } = running;
  const child = bus.now;
  const sight = child.hear(isTransition);
  tell(bus, { kind: "arm", transition: strike.transition, act: "tell" });
  const isSeen = await within(
    sight.then(() => true),
    SIGHT_MS_MAX,
  );
  if (isSeen !== true) {
    tell(bus, { kind: "disarm" });
    tell(bus, { kind: "go" });
    return false;
  }
  const fromMs = Date.now();
  const hasTakenEffect = await breakAndMend(strike, running, () => tell(bus, { kind: "go" }));
  const isOutage = strike.victim === "broker" || strike.victim === "way to the broker";
  if (isOutage) {
    await load.untilAccepted(RECOVERY_MS_MAX);
    outages.push({ fromMs, untilMs: Date.now() });
  }
  return hasTakenEffect;
}

async function killBus(transition: Transition, { bus, load, outages }: Run): Promise<boolean> {
  tell(bus, { kind: "arm", transition, act: "die" });
  const signal = await within(bus.now.ended, SIGHT_MS_MAX);
  if (signal !== "SIGKILL") {
    tell(bus, { kind: "disarm" });
    if (signal !== undefined) throw new Error(`the process ended by itself with ${signal}`);
    return false;
  }
  const fromMs = lastSignOfLifeMs(load);
  await bus.start();
  await load.untilAccepted(RECOVERY_MS_MAX);
  outages.push({ fromMs, untilMs: Date.now() });
  return true;
}

/** Nobody is told at once that a process died: it takes nothing since its last answer, which was a moment ago. */
function lastSignOfLifeMs({ offered }: EventLoad): number {
  const last = offered.findLast(({ status }) => status === ACCEPTED)?.answeredAtMs ?? 0;
  return Math.max(last, Date.now() - 1_000);
}

/** True when it took effect: a process that is killed always does, a way that is broken once something met it. */
async function breakAndMend(strike: Strike, { rig, spec }: Run, goOn: () => void): Promise<boolean> {
  const brokenMs = 200 + spec.random() * 800;
  if (strike.victim === "broker") {
    await rig.server.kill();
    goOn();
    await pause(brokenMs);
    await rig.server.start();
    return true;
  }
  if (strike.victim === "replica") {
    goOn();
    await shareForAWhile(rig, spec, strike.count);
    return true;
  }
  if (!("mode" in strike)) {
    await rig.struck.kill();
    goOn();
    await pause(brokenMs);
    await rig.struck.start();
    return true;
  }
  const way = strike.victim === "way to the broker" ? rig.wayToBroker : rig.wayToStruck;
  // A refusal shows once connections are made anew.
  if (strike.mode === "refuse") way.setMode("reset");
  way.setMode(strike.mode, { delayMs: 100 });
  goOn();
  const hasTakenEffect = await until(() => way.struck > 0, SIGHT_MS_MAX);
  await pause(brokenMs);
  way.setMode("pass");
  return hasTakenEffect;
}

/** Other processes take their share of the work, one after the other, and are killed with some of it in hand. */
async function shareForAWhile(rig: Rig, { run }: RunSpec, count: number): Promise<void> {
  const replicas: BusProcess[] = [];
  for (let each = 0; each < count; each += 1) replicas.push(await startBus(rig, { run }));
  await pause(1_500);
  for (const replica of replicas) await replica.close();
}

type Settled = LossVerdict & Pick<RunReport, "stillWaiting">;

/** Judges when nothing waits at the broker any more, or nothing is lost already. */
async function settle(running: Run): Promise<Settled> {
  return running.rig.broker.kind === "gcppubsub" ? settleByAccount(running) : settleAtBroker(running);
}

/**
 * Pub/Sub tells nobody what waits, and shows a dead letter to its holder alone: the process says what it knows. What a dead
 * one held nobody knows of for a while, so that it is lost only when patience has ended.
 */
async function settleByAccount(running: Run): Promise<Settled> {
  const { rig, spec, bus, load, outages } = running;
  const endMs = Date.now() + SETTLE_MS_MAX;
  for (;;) {
    await pause(1_000);
    const heard = bus.now.hear(isAccount);
    tell(bus, { kind: "account" });
    // It asks the broker itself, which may take its time.
    const { waiting: stillWaiting, stored } = (await within(heard, SIGHT_MS_MAX)) ?? { waiting: -1, stored: {} };
    const history = { rig, spec, offered: load.offered, outages, stored: new Map(Object.entries(stored)) };
    const verdict = judgeLosses(historyOf(history));
    const isOver = stillWaiting === 0 && verdict.lost.length + verdict.astray.length === 0;
    if (isOver || Date.now() > endMs) return { ...verdict, stillWaiting };
  }
}

async function settleAtBroker(running: Run): Promise<Settled> {
  const { rig, spec, load, outages } = running;
  const bus = await openBrokerBus(rig.server.directAddress, { name: "oracle's eye" });
  const store = await bus.openDeadLetterStore({ id: spec.run, ...DEAD_LETTERS });
  try {
    const waits = async (): Promise<number> => {
      let records = 0;
      for (const stream of STREAMS) records += await backlogOf(bus, { run: spec.run, stream });
      return records;
    };
    // Twice, a while apart: a sabotaged engine has told the broker to forget what it still works on.
    let quiet = 0;
    let stillWaiting = 0;
    const endMs = Date.now() + SETTLE_MS_MAX;
    while (quiet < 2 && Date.now() < endMs) {
      await pause(500);
      stillWaiting = await waits();
      quiet = stillWaiting === 0 ? quiet + 1 : 0;
    }
    const stored = new Map<string, readonly string[]>();
    for (const consumer of expectedConsumers()) {
      const id = `${consumer.stream}/${consumer.name}`;
      const letters = await store.list(id, { limit: IDS_A_RUN });
      stored.set(
        id,
        letters.map(({ headers }) => headers[headers.indexOf("ce-id") + 1] ?? ""),
      );
    }
    return { ...judgeLosses(historyOf({ rig, spec, offered: load.offered, outages, stored })), stillWaiting };
  } finally {
    await bus.close();
  }
}

async function backlogOf(bus: Bus, { run, stream }: { run: string; stream: (typeof STREAMS)[number] }) {
  // As it is at the broker, however many partitions that has.
  const spec = { ...logSpec(run, stream, "nats"), partitions: 1 };
  const ids = [spec.id, ...[0, 1, 2, 3].map((step) => `${spec.id}.step${step}`)];
  const readers = ["broker", "steps", ...Object.keys(CONSUMERS).map((name) => `${stream}/${name}`)];
  let records = 0;
  for (const id of ids) {
    const log = await bus.findLog({ ...spec, id });
    for (const reader of readers) records += (await log?.backlog(reader))?.records ?? 0;
  }
  return records;
}

function expectedConsumers(): ExpectedConsumer[] {
  const names = Object.keys(CONSUMERS) as ConsumerName[];
  return STREAMS.flatMap((stream) => names.map((name) => ({ stream, name, isSteady: name === "steady" })));
}

interface Sources {
  readonly rig: Rig;
  readonly spec: RunSpec;
  readonly offered: History["offered"];
  readonly outages: readonly Outage[];
  readonly stored: ReadonlyMap<string, readonly string[]>;
}

function historyOf({ rig, spec, offered, outages, stored }: Sources): History {
  const isMine = ({ id }: { id: string }): boolean =>
    Number(id) >= spec.firstId && Number(id) < spec.firstId + IDS_A_RUN;
  const read = (subscriber: SubscriberProcess) => subscriber.notes().filter(isMine);
  const taken = [...read(rig.steady), ...read(rig.struck)];
  const dead = read(rig.sink);
  const idsAt = (notes: ReturnType<typeof read>, path: string): string[] =>
    notes.filter((note) => note.path === path).map(({ id }) => id);
  return {
    offered,
    outages,
    consumers: expectedConsumers(),
    delivered: ({ stream, name }) => idsAt(taken, `/${stream}/${name}`),
    deadLettered: ({ stream, name }) => [
      ...idsAt(dead, `/dead/${stream}/${name}`),
      ...(stored.get(`${stream}/${name}`) ?? []),
    ],
  };
}

function tell(bus: BusProcess, order: Order): void {
  bus.now.tell(order);
}

function isTransition(message: object): message is Extract<Notice, { kind: "transition" }> {
  return "kind" in message && message.kind === "transition";
}

function isAccount(message: object): message is Extract<Notice, { kind: "account" }> {
  return "kind" in message && message.kind === "account";
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}

async function until(isSo: () => boolean, patienceMs: number): Promise<boolean> {
  const endMs = Date.now() + patienceMs;
  while (!isSo() && Date.now() < endMs) await pause(20);
  return isSo();
}

/** What it resolves to, or undefined when that takes longer. */
async function within<T>(promise: Promise<T>, patienceMs: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const timeIsUp = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      resolve(undefined);
    }, patienceMs);
  });
  promise.catch(() => undefined);
  try {
    return await Promise.race([promise, timeIsUp]);
  } finally {
    clearTimeout(timer);
  }
}
