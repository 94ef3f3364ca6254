// One random life of a stream: consumers that fail in their ways, a network that loses calls, processes that die. At its
// end every accepted event must have ended for every consumer.
import { BusError } from "../bus.ts";
import type { Bus } from "../bus.ts";
import type { Clock } from "../clock.ts";
import type { Consumer } from "../delivery/consumer.ts";
import type { DeadLetterReason, DeadLetterStore } from "../delivery/dead-letter-store.ts";
import { openStreamDelivery } from "../delivery/stream-delivery.ts";
import type { DeliveryPorts, Reading, StreamDelivery } from "../delivery/stream-delivery.ts";
import { makeMemoryDeadLetterStore } from "../stub/memory-dead-letter-store.ts";
import { openStubBus } from "../stub/stub-bus.ts";
import { makeMortalBus } from "./mortal-bus.ts";
import type { BusFaults, MortalBus } from "./mortal-bus.ts";
import { makeRandom } from "./random.ts";
import type { Random } from "./random.ts";
import { eventIdOf, makeSubscribers } from "./subscribers.ts";
import type { Manner, Subscribers } from "./subscribers.ts";
import { makeVirtualTime } from "./virtual-time.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** What a simulation plays; everything else follows from the seed. */
export interface SimulationSpec {
  readonly seed: number;
  readonly reading: Reading;
  /** Whether processes die and calls get lost. */
  readonly isFaulty: boolean;
  /** How subscribers may behave; default: in every way. */
  readonly manners?: readonly Manner[];
  /** Breaks the engine on purpose, to see whether the simulation notices. */
  readonly sabotage?: (ports: DeliveryPorts, bus: Bus) => { ports: DeliveryPorts; bus: Bus };
}

/** What came of it. */
export interface SimulationReport {
  readonly accepted: readonly string[];
  /** `consumer/event` pairs that ended nowhere. */
  readonly lost: readonly string[];
  /** `consumer/event` pairs that were delivered more than once. */
  readonly repeated: readonly string[];
  /** Why events went to the dead-letter store. */
  readonly storedFor: readonly DeadLetterReason[];
  readonly kills: number;
  readonly faults: readonly unknown[];
}

const EVENTS_WITHIN_MS = 60_000;
/** Long enough for every policy below to end, with all the steps that lie on the way. */
const LIFE_MS = 24 * 60 * 60 * 1000;
const STREAM = { id: "sim", partitions: 1, unfinishedBytesMax: 1_000_000 };
/** The greatest record; large events fit, and do not fit any more with what parking adds. */
const RECORD_BYTES_MAX = 420;
const LARGE_BODY_BYTES = 350;
const LARGE_EVENTS = 0.1;

/** Plays one life. The same spec gives the same report. */
export async function simulate(spec: SimulationSpec): Promise<SimulationReport> {
  const random = makeRandom(spec.seed);
  const time = makeVirtualTime();
  const survivor = {
    bus: openStubBus({ clock: time, recordBytesMax: RECORD_BYTES_MAX }),
    deadLetters: makeMemoryDeadLetterStore({ bytesMax: 10_000_000, clock: time }),
  };
  const world: World = {
    spec,
    random,
    time,
    survivor,
    subscribers: makeSubscribers(time, random, spec.manners),
    consumers: makeConsumers(random),
    faults: { lostRequests: 0, lostAnswers: 0, refusals: 0, letterBytesMax: spec.seed % 10 === 0 ? 100 : 1_000 },
    ours: [],
  };
  const life = makeLife(world);
  const accepted = scheduleEvents(world, life);
  const kills = spec.isFaulty ? scheduleFaults(world, life) : 0;
  await life.begin();
  await time.runUntil(LIFE_MS);
  return { ...(await account(world, accepted)), accepted, kills, faults: world.ours };
}

interface World {
  readonly spec: SimulationSpec;
  readonly random: Random;
  readonly time: VirtualTime;
  readonly survivor: { readonly bus: Bus; readonly deadLetters: DeadLetterStore };
  readonly subscribers: Subscribers;
  readonly consumers: readonly Consumer[];
  readonly faults: BusFaults;
  /** Errors that the engine called its own. */
  readonly ours: unknown[];
}

/** The processes, one after the other. */
interface Life {
  begin(): Promise<void>;
  /** Kills the process; the next one is there after `absentMs`. */
  dieFor(absentMs: number): Promise<void>;
  /** Appends an event; false when nobody took it. */
  accept(id: string): Promise<boolean>;
}

function makeLife(world: World): Life {
  let mortal: MortalBus | undefined;
  let delivery: StreamDelivery | undefined;

  const begin = async (): Promise<void> => {
    const mine = makeMortalBus(world.survivor, world.faults, world.random);
    mortal = mine;
    const plain: DeliveryPorts = {
      clock: clockOf(mine, world.time),
      random: () => world.random.next(),
      sender: world.subscribers.senderFor(mine),
      deadLetters: mine.deadLetters,
      stream: { privateAttributes: [], acceptReply: () => Promise.resolve() },
      note: () => undefined,
      onFault: (error) => {
        // The bus's, which the engine told and dealt with.
        if (!(error instanceof BusError)) world.ours.push(error);
      },
    };
    const { ports, bus } = world.spec.sabotage?.(plain, mine.bus) ?? { ports: plain, bus: mine.bus };
    const opened = await openUntilThere(bus, { ports, world });
    if (mortal === mine) delivery = opened;
  };
  return {
    begin,
    async dieFor(absentMs) {
      const dead = mortal;
      mortal = undefined;
      delivery = undefined;
      await dead?.kill();
      world.time.setTimer(() => void begin(), absentMs);
    },
    async accept(id) {
      if (delivery === undefined) return false;
      const headers = ["ce-specversion", "1.0", "ce-id", id, "ce-source", "/sim", "ce-type", "t"];
      try {
        const body = Buffer.alloc(world.random.chance(LARGE_EVENTS) ? LARGE_BODY_BYTES : 2);
        await delivery.log.append({ headers, body });
        return true;
      } catch {
        return false;
      }
    },
  };
}

/** The time of one process: what it wanted to do later ends with it. */
function clockOf(process: MortalBus, time: VirtualTime): Clock {
  return {
    nowMs: () => time.nowMs(),
    setTimer: (callback, delayMs) =>
      time.setTimer(() => {
        if (!process.isDead) callback();
      }, delayMs),
  };
}

/** A process that finds the bus away tries again, as the service above the engine does. */
async function openUntilThere(
  bus: Bus,
  { ports, world }: { readonly ports: DeliveryPorts; readonly world: World },
): Promise<StreamDelivery> {
  const spec = { log: STREAM, reading: world.spec.reading, handoffMs: 1_000, inFlightMax: 100 };
  for (;;) {
    try {
      const opened = await openStreamDelivery(bus, spec, ports);
      await opened.setConsumers(world.consumers);
      return opened;
    } catch {
      await new Promise<void>((resolve) => void world.time.setTimer(resolve, 500));
    }
  }
}

function makeConsumers(random: Random): Consumer[] {
  const makeOne = (index: number): Consumer => ({
    id: `c${index}`,
    uid: `u${index}`,
    generation: 1,
    since: undefined,
    types: undefined,
    matches: undefined,
    subscriber: { url: `http://c${index}` },
    reply: { kind: "none" },
    deadLetter: random.chance(0.5) ? { url: `http://dls${index}` } : undefined,
    retryPolicy: {
      retry: random.integer(0, 4),
      backoff: random.chance(0.1)
        ? undefined
        : { policy: random.pick(["linear", "exponential"]), delayMs: random.pick([100, 1_000, 30_000, 400_000]) },
      timeoutMs: random.pick([500, 5_000, 30_000]),
    },
    format: undefined,
    limits: {
      inFlight: random.pick([1, 5, 100]),
      ratePerSecond: random.chance(0.2) ? 2 : undefined,
      backlog: random.pick([3, 1_000]),
    },
  });
  return Array.from({ length: random.integer(1, 4) }, (_, index) => makeOne(index));
}

function scheduleEvents({ time, random, ours }: World, life: Life): string[] {
  const accepted: string[] = [];
  const count = random.integer(3, 25);
  for (let index = 0; index < count; index += 1) {
    const id = `e${index}`;
    time.setTimer(
      () => {
        const accept = async (): Promise<void> => {
          if (await life.accept(id)) accepted.push(id);
        };
        accept().catch((error: unknown) => ours.push(error));
      },
      1 + random.integer(0, EVENTS_WITHIN_MS),
    );
  }
  return accepted;
}

/** Kills, and spells of bad network; the last hours are quiet, so that everything can end. */
function scheduleFaults({ time, random, faults }: World, life: Life): number {
  const kills = random.integer(0, 4);
  for (let index = 0; index < kills; index += 1) {
    time.setTimer(() => void life.dieFor(random.integer(1, 20_000)), random.integer(100, 20 * EVENTS_WITHIN_MS));
  }
  for (let index = random.integer(0, 3); index > 0; index -= 1) {
    const startMs = random.integer(0, EVENTS_WITHIN_MS * 2);
    time.setTimer(() => {
      faults.lostRequests = random.next() * 0.8;
      faults.lostAnswers = random.next() * 0.5;
      faults.refusals = random.chance(0.3) ? random.next() : 0;
    }, startMs);
    time.setTimer(
      () => {
        faults.lostRequests = 0;
        faults.lostAnswers = 0;
        faults.refusals = 0;
      },
      startMs + random.integer(100, 30_000),
    );
  }
  return kills;
}

async function account(
  { consumers, subscribers, survivor }: World,
  accepted: readonly string[],
): Promise<Pick<SimulationReport, "lost" | "repeated" | "storedFor">> {
  const lost: string[] = [];
  const repeated: string[] = [];
  const storedFor: DeadLetterReason[] = [];
  for (const { id: consumerId } of consumers) {
    const letters = await survivor.deadLetters.list(consumerId, { limit: 10_000 });
    const stored = new Set(letters.map(({ headers }) => eventIdOf(headers)));
    storedFor.push(...letters.map(({ reason }) => reason));
    for (const id of accepted) {
      const taken = subscribers.taken(consumerId, id);
      if (taken.deliveries > 1) repeated.push(`${consumerId}/${id}`);
      if (taken.deliveries + taken.deadLetters === 0 && !stored.has(id)) lost.push(`${consumerId}/${id}`);
    }
  }
  return { lost, repeated, storedFor };
}
