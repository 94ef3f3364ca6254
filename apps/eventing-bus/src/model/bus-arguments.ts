import {
  resolveArguments,
  undeclaredText,
  type BusArgument,
  type BusParameter,
} from "@kelvin/api/channels/v1alpha1/kinds";
import type { BusKind } from "./bus-kind.ts";

// What a kind of bus makes of the arguments of channels and subscriptions. A parameter that a Bus declares and that its kind
// knows nothing of is nobody's mistake: 2018's YAML may declare whatever it likes.

/** Something read, or what is wrong with it, for people. */
export type Understood<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

/** How a channel's log is to be. */
export interface ChannelArguments {
  readonly partitions: number;
  /** For the adapter: of the channel's own log and of its step logs. */
  readonly settings: Readonly<Record<string, string>>;
}

/** How a subscription is to be read. */
export interface SubscriptionArguments {
  /** Where it begins when the broker knows nothing of it yet. */
  readonly from: "beginning" | "end";
}

/** What is declared, and what is given. */
export interface ArgumentTexts {
  readonly declared: readonly BusParameter[];
  readonly given: readonly BusArgument[] | undefined;
}

/** How a log is that nobody says anything of. */
export const plainChannel: ChannelArguments = { partitions: 1, settings: {} };

const PARTITIONS_MAX = 256;
/** More than anybody's brokers; the broker itself says if it has fewer. */
const REPLICAS_MAX = 32;

/** What a channel says to a bus of a kind. Pure. */
export function channelArguments(kind: BusKind, texts: ArgumentTexts): Understood<ChannelArguments> {
  return understand(texts, (values) => {
    if (kind !== "kafka") return plainChannel;
    const partitions = whole(values, "NumPartitions", PARTITIONS_MAX) ?? 1;
    const replicas = whole(values, "ReplicationFactor", REPLICAS_MAX);
    return { partitions, settings: replicas === undefined ? {} : { replicas: String(replicas) } };
  });
}

/** What a subscription says to a bus of a kind. Pure. */
export function subscriptionArguments(kind: BusKind, texts: ArgumentTexts): Understood<SubscriptionArguments> {
  return understand(texts, (values) => {
    const offset = kind === "kafka" ? (values.get("initialOffset") ?? "") : "";
    if (offset !== "" && offset !== "Oldest" && offset !== "Newest") {
      throw new ArgumentError(`argument initialOffset: must be Oldest or Newest, was "${offset}"`);
    }
    return { from: offset === "Oldest" ? "beginning" : "end" };
  });
}

/** What is wrong with an argument. */
class ArgumentError extends Error {}

function understand<T>(
  { declared, given }: ArgumentTexts,
  read: (values: ReadonlyMap<string, string>) => T,
): Understood<T> {
  const { values, missing, undeclared } = resolveArguments(declared, given);
  if (missing.length > 0) {
    // One that is misspelled is missing under its right name.
    return { ok: false, problem: `missing required arguments: ${missing.join(", ")}${undeclaredText(undeclared)}` };
  }
  try {
    return { ok: true, value: read(values) };
  } catch (error) {
    if (error instanceof ArgumentError) return { ok: false, problem: error.message };
    throw error;
  }
}

/** An empty value is none: that is how a parameter of 2018 is optional. */
function whole(values: ReadonlyMap<string, string>, name: string, max: number): number | undefined {
  const text = values.get(name) ?? "";
  if (text === "") return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= max) return value;
  throw new ArgumentError(`argument ${name}: must be a whole number from 1 to ${max}, was "${text}"`);
}
