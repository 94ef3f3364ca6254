/** A message in the hands of this process. */
export interface HeldMessage {
  readonly sequence: number;
  readonly acceptedAtMs: number;
  /** Where the last delivery of it is answered. */
  reply: string;
  /** Whether the server surely counts it as ours: it cannot have passed it on since it handed it to us. */
  isSure: boolean;
}

/** What came: to be worked on; in hand already; or finished, and to be acknowledged once more. */
export type Arrival = { readonly kind: "new" | "held" | "finished"; readonly message: HeldMessage };

/** What the server says of a durable consumer, at one moment. */
export interface ServerWord {
  /** Up to where messages were handed out. */
  readonly deliveredSequence: number;
  /** How many of those are not acknowledged. */
  readonly unacknowledgedCount: number;
  /** When the consumer was made: another one of its name begins anew. */
  readonly created: string;
}

/** What this process knows of a durable consumer. */
export interface ReaderPlace {
  /** A delivery came. */
  receive(delivery: HeldMessage): Arrival;
  /** The server confirmed the acknowledgement. */
  finish(message: HeldMessage): void;
  /** It is nobody's until the server hands it out again. */
  release(message: HeldMessage): void;
  /** The connection was lost: the server's last word may be about what it has forgotten by now. */
  interrupt(): void;
  /** The server had no sign of life for so long that what is in hand may have been passed on. */
  doubt(): void;
  /**
   * Takes the server's word. None of our acknowledgements may be under way from before the server was asked until this
   * returns; deliveries may.
   */
  learn(word: ServerWord): void;
  /** Whatever came up to here was finished, by whomever. */
  readonly floorSequence: number;
  /** What the next process should know; undefined as long as nothing is known. */
  memory(): PlaceMemory | undefined;
  /** Takes what an earlier process knew of the consumer that is there now. */
  recall(memory: PlaceMemory): void;
}

/** What outlives a process: all up to the floor is finished. */
export interface PlaceMemory {
  /** @see ServerWord.created */
  readonly created: string;
  readonly floorSequence: number;
  /** When the last finished message was accepted. A younger one under an old number is of a stream that was made anew. */
  readonly lastMs: number;
}

/** How many finished sequences above the floor are remembered; a forgotten one may come again after a kill of the server. */
const FINISHED_MAX = 10_000;

/**
 * The server does not tell which messages are unacknowledged, and its floor is wrong after a restart (server 2.9 gives
 * redeliveries new places). It does tell how many they are. What we hold and have not acknowledged is among them; so when
 * we have seen as many as it counts, we know them all, and everything below the lowest is finished. Messages that another
 * process holds are never seen here, so nothing is concluded while it holds any.
 */
export function makeReaderPlace(): ReaderPlace {
  const held = new Map<number, HeldMessage>();
  const past = makePast();
  let created: string | undefined;
  let census: Census | undefined;

  const conclude = (): void => {
    if (census === undefined || census.seen.size !== census.unacknowledgedCount) return;
    let end = census.deliveredSequence;
    for (const sequence of census.seen) end = Math.min(end, sequence - 1);
    census = undefined;
    past.raise(end);
  };
  const doubt = (): void => {
    census = undefined;
    for (const message of held.values()) message.isSure = false;
  };
  return {
    receive(delivery) {
      const { sequence, reply, isSure } = delivery;
      const known = held.get(sequence);
      if (known === undefined && past.has(delivery)) return { kind: "finished", message: delivery };
      if (isSure && census !== undefined && sequence <= census.deliveredSequence) census.seen.add(sequence);
      conclude();
      if (known !== undefined) {
        known.reply = reply;
        known.isSure = isSure;
        return { kind: "held", message: known };
      }
      held.set(sequence, delivery);
      return { kind: "new", message: delivery };
    },
    finish(message) {
      if (held.get(message.sequence) === message) held.delete(message.sequence);
      past.add(message);
    },
    release(message) {
      if (held.get(message.sequence) === message) held.delete(message.sequence);
    },
    interrupt() {
      census = undefined;
    },
    doubt,
    learn(word) {
      census = undefined;
      if (created !== undefined && created !== word.created) {
        past.forget();
        doubt();
      }
      created = word.created;
      const seen = new Set<number>();
      for (const { sequence, isSure } of held.values()) {
        if (isSure && sequence <= word.deliveredSequence) seen.add(sequence);
      }
      // Fewer than we hold: the server forgot some. Its next word may be whole again.
      if (seen.size > word.unacknowledgedCount) return;
      census = { ...word, seen };
      conclude();
    },
    get floorSequence() {
      return past.floorSequence;
    },
    memory() {
      const { floorSequence, lastMs } = past;
      return created === undefined || lastMs === 0 ? undefined : { created, floorSequence, lastMs };
    },
    recall(memory) {
      created = memory.created;
      past.recall(memory);
    },
  };
}

/** Unacknowledged messages at the moment of a server's word, as far as we have seen them. */
interface Census {
  readonly deliveredSequence: number;
  readonly unacknowledgedCount: number;
  readonly seen: Set<number>;
}

type Accepted = Pick<HeldMessage, "sequence" | "acceptedAtMs">;

/** What is finished: all up to a floor, and single ones above it. */
interface Past {
  has(message: Accepted): boolean;
  add(message: Accepted): void;
  raise(floorSequence: number): void;
  forget(): void;
  recall(memory: PlaceMemory): void;
  readonly floorSequence: number;
  /** @see PlaceMemory.lastMs */
  readonly lastMs: number;
}

function makePast(): Past {
  const finished = new Set<number>();
  let floorSequence = 0;
  let lastMs = 0;
  const raise = (sequence: number): void => {
    if (sequence <= floorSequence) return;
    floorSequence = sequence;
    for (const each of finished) if (each <= sequence) finished.delete(each);
  };
  return {
    raise,
    has: ({ sequence, acceptedAtMs }) =>
      acceptedAtMs <= lastMs && (sequence <= floorSequence || finished.has(sequence)),
    add({ sequence, acceptedAtMs }) {
      lastMs = Math.max(lastMs, acceptedAtMs);
      if (sequence <= floorSequence) return;
      finished.add(sequence);
      const [oldest] = finished;
      if (finished.size > FINISHED_MAX && oldest !== undefined) finished.delete(oldest);
    },
    recall(memory) {
      lastMs = Math.max(lastMs, memory.lastMs);
      raise(memory.floorSequence);
    },
    forget() {
      floorSequence = 0;
      lastMs = 0;
      finished.clear();
    },
    get floorSequence() {
      return floorSequence;
    },
    get lastMs() {
      return lastMs;
    },
  };
}

/** The places of a log's durable consumers, by name. */
export interface ReaderPlaces {
  of(durable: string): ReaderPlace;
  /** The consumer was deleted. */
  forget(durable: string): void;
  /** @see ReaderPlace.interrupt */
  interrupt(): void;
  entries(): IterableIterator<[durable: string, place: ReaderPlace]>;
}

/** @see ReaderPlaces */
export function makeReaderPlaces(): ReaderPlaces {
  const places = new Map<string, ReaderPlace>();
  return {
    of(durable) {
      let place = places.get(durable);
      if (place === undefined) places.set(durable, (place = makeReaderPlace()));
      return place;
    },
    forget: (durable) => void places.delete(durable),
    interrupt() {
      for (const place of places.values()) place.interrupt();
    },
    entries: () => places.entries(),
  };
}
