import type { Sender, SendOutcome, SendRequest } from "../delivery/sender.ts";
import type { MortalBus } from "./mortal-bus.ts";
import type { Random } from "./random.ts";
import type { VirtualTime } from "./virtual-time.ts";

/** How a subscriber or dead-letter sink behaves. */
export type Manner = "good" | "slow" | "flaky" | "down" | "silent" | "rejecting" | "recovering";

/** The world of subscribers: it remembers what each of them really took. */
export interface Subscribers {
  /** Posts for one process; a dead one's requests are never answered, though they may still arrive. */
  senderFor(process: MortalBus): Sender;
  /** How often a consumer took an event, and how often its dead-letter sink did. */
  taken(consumerId: string, eventId: string): { readonly deliveries: number; readonly deadLetters: number };
}

/** The id of an event in the binary form, which the simulation's are. */
export function eventIdOf(headers: readonly string[]): string {
  return headers[headers.indexOf("ce-id") + 1] ?? "";
}

const RECOVERY_MS = 90_000;

/** Each address gets a manner when it is first met. */
export function makeSubscribers(
  time: VirtualTime,
  random: Random,
  choices: readonly Manner[] = ["good", "good", "slow", "flaky", "down", "silent", "rejecting", "recovering"],
): Subscribers {
  const manners = new Map<string, Manner>();
  const taken = new Map<string, number>();

  const mannerOf = (url: string): Manner => {
    const known = manners.get(url);
    if (known !== undefined) return known;
    const manner = choices[random.integer(0, choices.length - 1)] ?? "good";
    manners.set(url, manner);
    return manner;
  };
  const take = ({ consumerId, purpose, message }: SendRequest): void => {
    const key = `${purpose}/${consumerId}/${eventIdOf(message.headers)}`;
    taken.set(key, (taken.get(key) ?? 0) + 1);
  };

  const meet = (request: SendRequest): { delayMs: number; outcome: SendOutcome; takes: boolean } => {
    const manner = mannerOf(request.destination.url);
    const isWell = wellness(manner, { nowMs: time.nowMs(), random });
    const delayMs = manner === "slow" ? random.integer(500, 4_000) : random.integer(1, 50);
    if (isWell === "silent" || delayMs > request.timeoutMs) {
      // Whoever times out may have been heard all the same.
      const takes = isWell !== "silent" && random.chance(0.5);
      return { delayMs: request.timeoutMs, outcome: { kind: "unanswered", reason: "timed out" }, takes };
    }
    if (isWell === "refusing") return { delayMs, outcome: { kind: "unanswered", reason: "refused" }, takes: false };
    const status = isWell === "well" ? 202 : isWell === "ill" ? 500 : 400;
    return {
      delayMs,
      outcome: { kind: "answered", status, headers: [], body: Buffer.alloc(0) },
      takes: isWell === "well",
    };
  };

  return {
    senderFor: (process) => ({
      send(request) {
        const { delayMs, outcome, takes } = meet(request);
        return new Promise((resolve) => {
          time.setTimer(() => {
            if (takes) take(request);
            if (!process.isDead) resolve(outcome);
          }, delayMs);
        });
      },
    }),
    taken: (consumerId, eventId) => ({
      deliveries: taken.get(`deliver/${consumerId}/${eventId}`) ?? 0,
      deadLetters: taken.get(`deadLetter/${consumerId}/${eventId}`) ?? 0,
    }),
  };
}

function wellness(
  manner: Manner,
  { nowMs, random }: { readonly nowMs: number; readonly random: Random },
): "well" | "ill" | "silent" | "refusing" | "rejecting" {
  switch (manner) {
    case "flaky":
      return random.chance(0.5) ? "well" : random.pick(["ill", "silent", "refusing"]);
    case "down":
      return "refusing";
    case "silent":
      return "silent";
    case "rejecting":
      return "rejecting";
    case "recovering":
      return nowMs < RECOVERY_MS ? "ill" : "well";
    default:
      return "well";
  }
}
