/** What the server tells about a message in the subject that it is to be answered on. */
export interface Delivery {
  readonly durable: string;
  /** How often it was handed out, this time too. */
  readonly deliveries: number;
  /** Its place in the stream. */
  readonly sequence: number;
  readonly acceptedAtMs: number;
}

/** Counted from the right: servers with a domain put it, and an account, after the prefix. */
const TOKENS_SHORT = 9;
const TOKENS_LONG = 11;

/**
 * Reads `$JS.ACK.<stream>.<consumer>.<deliveries>.<sequence>.<consumer's sequence>.<nanoseconds>.<pending>`; undefined for
 * any other subject.
 */
export function readDelivery(reply: string | undefined): Delivery | undefined {
  if (reply === undefined || !reply.startsWith("$JS.ACK.")) return undefined;
  const tokens = reply.split(".");
  if (tokens.length < TOKENS_SHORT) return undefined;
  const [durable = "", deliveries, sequence, , nanoseconds] = tokens.slice(tokens.length >= TOKENS_LONG ? 5 : 3);
  return {
    durable,
    deliveries: Number(deliveries),
    sequence: Number(sequence),
    acceptedAtMs: Math.floor(Number(nanoseconds) / 1_000_000),
  };
}
