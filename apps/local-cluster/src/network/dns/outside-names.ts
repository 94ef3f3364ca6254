import { isIPv4 } from "node:net";
import type { Clock } from "@kelvin/kube";
import type { Outside } from "../egress/outside.ts";
import { type DnsAnswer, recordTypes, responseCodes } from "./message.ts";
import { type NameSource, type Question, resolveName } from "./resolve-name.ts";

/** Answers for names that are not the cluster's. */
export interface OutsideNames {
  answer(question: Question): Promise<DnsAnswer>;
}

const FOUND_MS = 30_000;
const NOT_FOUND_MS = 5_000;
/** The host could not say; it is spared the next few questions, and whoever asks learns it at once. */
const FAILED_MS = 2_000;
const NAMES_MAX = 1_000;
/** What a name may consist of; anything else is not asked for. */
const NAME_PATTERN =
  /^(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

interface Known {
  readonly untilMs: number;
  readonly code: number;
  readonly addresses: readonly string[];
}

/** Asks the host, as programs on it would, and remembers for a while. One question at a time for each name. */
export function makeOutsideNames(outside: Pick<Outside, "lookUp">, clock: Pick<Clock, "now">): OutsideNames {
  const known = new Map<string, Known>();
  const running = new Map<string, Promise<Known>>();

  async function ask(name: string): Promise<Known> {
    const found = await lookUp(outside, name);
    const lifeMs = found.code === responseCodes.ok ? FOUND_MS : lifeOf(found.code);
    const entry = { ...found, untilMs: clock.now().getTime() + lifeMs };
    known.delete(name);
    known.set(name, entry);
    // The oldest goes first; a name that is asked for again is only asked for again.
    const [oldest] = known.keys();
    if (known.size > NAMES_MAX && oldest !== undefined) known.delete(oldest);
    running.delete(name);
    return entry;
  }

  function find(name: string): Promise<Known> | Known {
    const entry = known.get(name);
    if (entry !== undefined && entry.untilMs > clock.now().getTime()) return entry;
    const asking = running.get(name) ?? ask(name);
    running.set(name, asking);
    return asking;
  }

  return {
    async answer({ name, type }) {
      if (!NAME_PATTERN.test(name) || name.endsWith(".arpa")) return { code: responseCodes.nameError, answers: [] };
      const isAddress = type === recordTypes.a || type === recordTypes.aaaa || type === recordTypes.any;
      // The host resolves names to addresses; mail exchangers and so on it is not asked for.
      if (!isAddress) return { code: responseCodes.notImplemented, answers: [] };
      const { code, addresses } = await find(name);
      const wanted = type === recordTypes.aaaa ? [] : addresses;
      return { code, answers: wanted.map((address) => ({ type: "A", name, address })) };
    },
  };
}

function lifeOf(code: number): number {
  return code === responseCodes.nameError ? NOT_FOUND_MS : FAILED_MS;
}

async function lookUp(outside: Pick<Outside, "lookUp">, name: string): Promise<Omit<Known, "untilMs">> {
  try {
    const addresses = (await outside.lookUp(name)).filter((address) => isIPv4(address));
    return { code: addresses.length === 0 ? responseCodes.nameError : responseCodes.ok, addresses };
  } catch {
    // Not known now: clients take this code for "try again".
    return { code: responseCodes.serverFailure, addresses: [] };
  }
}

/** Answers any question: the cluster's own names from `source`, others from `outside`, which may not be there. */
export function answerQuestion(
  question: Question,
  source: NameSource,
  outside: OutsideNames | undefined,
): DnsAnswer | Promise<DnsAnswer> {
  const found = resolveName(question, source);
  if (!("outsideName" in found)) return found;
  const { outsideName: name, answers } = found;
  // No way out: such names do not exist here, and whoever asks should learn it at once.
  if (outside === undefined) return { code: responseCodes.nameError, answers };
  return outside
    .answer({ name, type: question.type })
    .then((rest) => ({ code: rest.code, answers: [...answers, ...rest.answers] }));
}
