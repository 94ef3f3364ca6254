import { openStreamDelivery, type LogSpec, type Sender, type StreamDelivery } from "@kelvin/bus";
import type { Clock } from "@kelvin/bus";
import type { Logger } from "@kelvin/http-service";
import { acceptReply, type Entrance } from "../data-path/accept.ts";
import { brokerPrivateAttributes } from "../data-path/time-to-live.ts";
import type { StreamNames } from "../model/broker-names.ts";
import type { ChannelArguments } from "../model/bus-arguments.ts";
import type { OpenedBus } from "./opened-bus.ts";
import type { StreamKind, StreamName } from "./stream-key.ts";

/** A stream that is open: events can be taken, and are delivered to the consumers it is given. */
export interface OpenStream {
  readonly delivery: StreamDelivery;
  readonly entrance: Entrance;
}

/** What all streams of this process share. */
export interface StreamParts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Told of each attempt. */
  readonly onAttempt: () => void;
  /** Told of each event of which the broker is about to remove what is not delivered; `detail` is for people. */
  readonly onAging: (stream: StreamName, detail: string) => void;
  /** The sender for the consumers of a stream. */
  readonly senderFor: (stream: StreamName) => Sender;
  /** How much may wait in one stream for its consumers; then senders get 429. */
  readonly streamBytesMax: number;
}

/** Records of one stream that this process may hold. */
const IN_FLIGHT_MAX = 1_000;
/** How long an event of a Broker may wait for one Trigger before that one gets it from its own backlog. */
const HANDOFF_MS = 1_000;

/** What a stream is to be at the bus. */
export interface StreamPlan {
  readonly stream: StreamName;
  readonly names: StreamNames;
  readonly arguments: ChannelArguments;
}

/** The log of a stream at the bus. */
export function logSpecOf({ names, arguments: said }: StreamPlan, unfinishedBytesMax: number): LogSpec {
  const settings = { ...names.settings, ...said.settings };
  const { partitions } = said;
  const spec = { id: names.logId, partitions, unfinishedBytesMax };
  return Object.keys(settings).length === 0 ? spec : { ...spec, settings };
}

/** What the path of events has to know of a stream. */
export function entranceKindOf(stream: StreamKind): Entrance["kind"] {
  if (stream === "Broker") return "broker";
  return stream === "BusChannel" ? "busChannel" : "channel";
}

/** Opens a stream at the bus, where it may be already. It has no consumers yet. @throws BusError */
export async function openStream(
  plan: StreamPlan,
  { bus, deadLetters }: OpenedBus,
  parts: StreamParts,
): Promise<OpenStream> {
  const { stream, names } = plan;
  const { clock, log, senderFor, streamBytesMax, onAttempt, onAging } = parts;
  const isBroker = stream.kind === "Broker";
  const spec = {
    log: logSpecOf(plan, streamBytesMax),
    stepsId: names.stepsId,
    stepsSettings: plan.arguments.settings,
    reading: isBroker ? "shared" : "each",
    handoffMs: HANDOFF_MS,
    inFlightMax: IN_FLIGHT_MAX,
  } as const;
  const delivery = await openStreamDelivery(bus, spec, {
    clock,
    random: Math.random,
    sender: senderFor(stream),
    deadLetters,
    stream: {
      privateAttributes: isBroker ? brokerPrivateAttributes : [],
      isOpaque: stream.kind === "BusChannel",
      acceptReply: (reply, original) => acceptReply(reply, original, entrance),
    },
    note({ what, detail }) {
      if (what === "attempt") onAttempt();
      if (what === "aging") onAging(stream, detail);
    },
    onFault: (err) => {
      log.error({ err, stream }, "Delivery failed for a reason of our own; the event is tried again");
    },
  });
  const entrance: Entrance = {
    log: delivery.log,
    kind: entranceKindOf(stream.kind),
    nowMs: () => clock.nowMs(),
  };
  return { delivery, entrance };
}
