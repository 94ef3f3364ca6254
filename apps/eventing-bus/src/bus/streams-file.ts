import { DEFAULT_RETRY_POLICY, type Consumer, type RetryPolicy } from "@kelvin/bus";
import { eventAttribute } from "@kelvin/cloudevents";

/** A stream to serve, and who gets its events. */
export interface StreamSpec {
  /** `<namespace>/<name>`: also the path that events are posted to. */
  readonly name: string;
  readonly kind: "broker" | "channel";
  readonly consumers: readonly Consumer[];
}

const NAME = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?\/[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const STREAMS_MAX = 1_000;
const LIMITS = { inFlight: 100, ratePerSecond: undefined, backlog: 10_000 };

/**
 * Reads `{"streams": [{"name", "kind", "consumers": [{"id", "subscriber", "attributes", "deadLetter", "retry"}]}]}`.
 * `attributes` are values that an event's attributes must have; `retry` is a number of retries.
 *
 * @throws Error naming the place that is wrong and what is allowed.
 */
export function parseStreams(text: string): StreamSpec[] {
  const { streams } = asObject(parseJson(text), "the file");
  const specs = asList(streams, "streams").map((given, index) => parseStream(given, `streams[${index}]`));
  const names = specs.map(({ name }) => name);
  if (new Set(names).size !== names.length) throw new Error("streams: two of them have the same name");
  if (specs.length > STREAMS_MAX) throw new Error(`streams: more than ${STREAMS_MAX}`);
  return specs;
}

function parseStream(given: unknown, at: string): StreamSpec {
  const { name, kind, consumers = [] } = asObject(given, at);
  if (typeof name !== "string" || !NAME.test(name)) throw new Error(`${at}.name: must be <namespace>/<name>`);
  if (kind !== "broker" && kind !== "channel") throw new Error(`${at}.kind: must be "broker" or "channel"`);
  const list = asList(consumers, `${at}.consumers`);
  return { name, kind, consumers: list.map((one, index) => parseConsumer(one, kind, `${at}.consumers[${index}]`)) };
}

function parseConsumer(given: unknown, kind: StreamSpec["kind"], at: string): Consumer {
  const { id, subscriber, attributes = {}, deadLetter, retry } = asObject(given, at);
  if (typeof id !== "string" || id === "") throw new Error(`${at}.id: must be a text`);
  const wanted = Object.entries(asObject(attributes, `${at}.attributes`));
  return {
    id,
    uid: id,
    generation: 1,
    since: undefined,
    types: undefined,
    matches:
      wanted.length === 0
        ? undefined
        : (event) => wanted.every(([name, value]) => eventAttribute(event, name) === value),
    subscriber: { url: asUrl(subscriber, `${at}.subscriber`) },
    reply: { kind: kind === "broker" ? "stream" : "none" },
    deadLetter: deadLetter === undefined ? undefined : { url: asUrl(deadLetter, `${at}.deadLetter`) },
    retryPolicy: parseRetry(retry, `${at}.retry`),
    format: undefined,
    limits: LIMITS,
  };
}

function parseRetry(retry: unknown, at: string): RetryPolicy {
  if (retry === undefined) return DEFAULT_RETRY_POLICY;
  if (typeof retry !== "number" || !Number.isInteger(retry) || retry < 0) {
    throw new Error(`${at}: must be a number of retries, 0 or more`);
  }
  return { ...DEFAULT_RETRY_POLICY, retry };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error(`not valid JSON: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

function asObject(given: unknown, at: string): Record<string, unknown> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) throw new Error(`${at}: must be an object`);
  return { ...given };
}

function asList(given: unknown, at: string): unknown[] {
  if (!Array.isArray(given)) throw new Error(`${at}: must be a list`);
  return given;
}

function asUrl(given: unknown, at: string): string {
  if (typeof given === "string" && URL.canParse(given) && /^https?:$/.test(new URL(given).protocol)) return given;
  throw new Error(`${at}: must be an http or https URL`);
}
