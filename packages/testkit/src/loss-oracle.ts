/** The status that promises that an event will not be lost. */
export const ACCEPTED = 202;

/** An event that was offered over HTTP. Times are milliseconds of one clock. */
export interface OfferedEvent {
  readonly id: string;
  readonly stream: string;
  readonly offeredAtMs: number;
  readonly answeredAtMs: number;
  /** The answer's status; undefined without an answer. Anything but 202 leaves open whether it was taken. */
  readonly status: number | undefined;
}

/** Who ought to get every event of a stream. */
export interface ExpectedConsumer {
  readonly stream: string;
  readonly name: string;
  /** Nothing that happened was its fault: it must get every event itself. */
  readonly isSteady: boolean;
}

/** A time in which events could not be accepted, since something on the way was broken. */
export interface Outage {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** What happened, as seen from outside. */
export interface History {
  readonly offered: readonly OfferedEvent[];
  readonly consumers: readonly ExpectedConsumer[];
  /** Ids in the order in which a consumer took them, those it took twice twice. */
  readonly delivered: (consumer: ExpectedConsumer) => readonly string[];
  /** Ids that its dead-letter sink took or its dead-letter store keeps. */
  readonly deadLettered: (consumer: ExpectedConsumer) => readonly string[];
  readonly outages: readonly Outage[];
}

/** What the oracle says of it. */
export interface LossVerdict {
  /** `stream/consumer/id` of accepted events that are nowhere. */
  readonly lost: readonly string[];
  /** `stream/consumer/id` that a steady consumer did not get, or that was dead-lettered from it. */
  readonly astray: readonly string[];
  /** `stream/consumer/id` that nobody offered. */
  readonly invented: readonly string[];
  /** By `stream/consumer`: how often an event was taken that had been taken before. */
  readonly duplicates: Readonly<Record<string, number>>;
  readonly acceptedCount: number;
  /** Events whose offer and answer lie outside every outage, what part of them was accepted, and how the others went. */
  readonly outsideOutages: {
    readonly offeredCount: number;
    /** 0 to 1. */
    readonly acceptedRatio: number;
    /** By status, or "no answer". */
    readonly refused: Readonly<Record<string, number>>;
  };
}

/** Judges a history: accepted ⊆ delivered ∪ dead-lettered, for each consumer of the event's stream. */
export function judgeLosses(history: History): LossVerdict {
  const lost: string[] = [];
  const astray: string[] = [];
  const invented: string[] = [];
  const duplicates: Record<string, number> = {};
  for (const consumer of history.consumers) {
    const where = `${consumer.stream}/${consumer.name}`;
    const offered = history.offered.filter(({ stream }) => stream === consumer.stream);
    const deliveries = history.delivered(consumer);
    const delivered = new Set(deliveries);
    const dead = new Set(history.deadLettered(consumer));
    duplicates[where] = deliveries.length - delivered.size;
    for (const { id, status } of offered) {
      if (status !== ACCEPTED) continue;
      if (!delivered.has(id) && !dead.has(id)) lost.push(`${where}/${id}`);
      if (consumer.isSteady && !delivered.has(id)) astray.push(`${where}/${id}`);
    }
    if (consumer.isSteady) for (const id of dead) astray.push(`${where}/${id}`);
    const known = new Set(offered.map(({ id }) => id));
    for (const id of new Set([...delivered, ...dead])) if (!known.has(id)) invented.push(`${where}/${id}`);
  }
  return {
    lost,
    astray: [...new Set(astray)],
    invented,
    duplicates,
    acceptedCount: history.offered.filter(({ status }) => status === ACCEPTED).length,
    outsideOutages: acceptedOutside(history),
  };
}

function acceptedOutside({ offered, outages }: History): LossVerdict["outsideOutages"] {
  const outside = offered.filter(
    ({ offeredAtMs, answeredAtMs }) =>
      !outages.some(({ fromMs, untilMs }) => offeredAtMs <= untilMs && answeredAtMs >= fromMs),
  );
  const refused: Record<string, number> = {};
  for (const { status } of outside) {
    if (status !== ACCEPTED) refused[status ?? "no answer"] = (refused[status ?? "no answer"] ?? 0) + 1;
  }
  const accepted = outside.filter(({ status }) => status === ACCEPTED);
  const acceptedRatio = outside.length === 0 ? 0 : accepted.length / outside.length;
  return { offeredCount: outside.length, acceptedRatio, refused };
}
