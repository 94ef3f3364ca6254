// What strikes, where, and in which order.
import type { TcpProxyMode } from "@kelvin/testkit/tcp-proxy";
import { TRANSITIONS, type Transition } from "./transitions.ts";

/**
 * Who is hit at which step of some event. What dies is started again; what is broken is mended. Replicas are processes that
 * come to share the work, and are killed in the middle of it.
 */
export type Strike =
  | { readonly victim: "bus" | "broker" | "subscriber"; readonly transition: Transition }
  | { readonly victim: "replica"; readonly transition: Transition; readonly count: number }
  | {
      readonly victim: "way to the broker" | "way to the subscriber";
      readonly transition: Transition;
      readonly mode: Exclude<TcpProxyMode, "pass">;
    };

/** From [0, 1); the same numbers for the same seed (Park and Miller's generator). */
export function seeded(seed: number): () => number {
  let state = (seed % 2_147_483_646) + 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  };
}

const MODES = ["reset", "hang", "slow", "refuse"] as const;

/** Every strike there is: the process at each step, the rest where they matter to it. */
function all(): Strike[] {
  return [
    ...TRANSITIONS.map((transition) => ({ victim: "bus", transition }) as const),
    ...TRANSITIONS.map((transition) => ({ victim: "broker", transition }) as const),
    ...(["delivering", "delivered"] as const).map((transition) => ({ victim: "subscriber", transition }) as const),
    ...MODES.flatMap((mode) => [
      { victim: "way to the subscriber", transition: "delivering", mode } as const,
      { victim: "way to the broker", transition: "accepting", mode } as const,
      { victim: "way to the broker", transition: "parking", mode } as const,
      { victim: "way to the broker", transition: "finishing", mode } as const,
    ]),
  ];
}

/** The short run: each victim, in turn, where it hurts most. */
const FEW: readonly Strike[] = [
  { victim: "bus", transition: "delivered" },
  { victim: "subscriber", transition: "delivering" },
  { victim: "broker", transition: "parking" },
  { victim: "way to the broker", transition: "finishing", mode: "hang" },
  { victim: "bus", transition: "accepted" },
  { victim: "way to the subscriber", transition: "delivering", mode: "reset" },
  { victim: "broker", transition: "accepting" },
  { victim: "way to the broker", transition: "accepting", mode: "reset" },
];

/** First in turn, then `randomCount` at random. */
export function planStrikes(
  random: () => number,
  { isLong, randomCount }: { readonly isLong: boolean; readonly randomCount: number },
): Strike[] {
  const every = all();
  const picked = Array.from({ length: randomCount }, () => every[Math.floor(random() * every.length)]);
  return [...(isLong ? shuffled(every, random) : FEW), ...picked.filter((strike) => strike !== undefined)];
}

/** Mixed, so that kills of one victim do not follow one another. */
function shuffled(strikes: readonly Strike[], random: () => number): Strike[] {
  return strikes
    .map((strike) => ({ strike, place: random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ strike }) => strike);
}

/** For people. */
export function describeStrike(strike: Strike): string {
  const detail = "mode" in strike ? ` ${strike.mode}` : "count" in strike ? ` × ${strike.count}` : "";
  const what = strike.victim + detail;
  return `${what} at ${strike.transition}`;
}
