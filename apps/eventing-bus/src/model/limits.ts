import type { ConsumerLimits } from "@kelvin/bus";
import { limitAnnotations } from "./annotations.ts";

/** What a consumer may take, and what is wrong with what it asks for: then the default holds, and a condition says so. */
export interface ConsumerLimitsOf {
  readonly limits: ConsumerLimits;
  readonly problem: string | undefined;
}

const IN_FLIGHT_DEFAULT = 100;
const IN_FLIGHT_MAX = 10_000;
const RATE_MAX = 100_000;
/** Events that wait for one consumer; the next one goes to the dead-letter store. */
const BACKLOG_MAX = 100_000;

/** The limits that the annotations of a Trigger or Subscription ask for. */
export function limitsOf(annotations: Readonly<Record<string, string>> = {}): ConsumerLimitsOf {
  const { maxInFlight, rateLimit } = limitAnnotations;
  const [inFlightText, rateText] = [annotations[maxInFlight], annotations[rateLimit]];
  const inFlight = readNumber(inFlightText);
  const rate = readNumber(rateText);
  const isInFlightGood = Number.isInteger(inFlight) && inFlight >= 1 && inFlight <= IN_FLIGHT_MAX;
  const isRateGood = rate > 0 && rate <= RATE_MAX;
  const problems: string[] = [];
  if (inFlightText !== undefined && !isInFlightGood) {
    problems.push(`${maxInFlight}: must be a whole number from 1 to ${IN_FLIGHT_MAX}, was "${inFlightText}"`);
  }
  if (rateText !== undefined && !isRateGood) {
    problems.push(`${rateLimit}: must be a number a second, more than 0, at most ${RATE_MAX}, was "${rateText}"`);
  }
  return {
    limits: {
      inFlight: isInFlightGood ? inFlight : IN_FLIGHT_DEFAULT,
      ratePerSecond: isRateGood ? rate : undefined,
      backlog: BACKLOG_MAX,
    },
    problem: problems.length === 0 ? undefined : problems.join("; "),
  };
}

function readNumber(text: string | undefined): number {
  return text !== undefined && /^\d{1,9}(\.\d{1,3})?$/.test(text) ? Number(text) : NaN;
}
