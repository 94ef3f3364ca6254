import { Agent, request } from "node:http";
import { ACCEPTED } from "./loss-oracle.ts";
import type { OfferedEvent } from "./loss-oracle.ts";

/** Numbered events, offered at a steady rate whatever becomes of them. */
export interface EventLoad {
  readonly offered: readonly OfferedEvent[];
  /** Resolves when an event that is offered from now on was accepted; false after `patienceMs` without one. */
  untilAccepted(patienceMs: number): Promise<boolean>;
  /** Offers no more; resolves when all that were offered have been answered or given up. */
  stop(): Promise<void>;
}

/** @see startEventLoad */
export interface EventLoadOptions {
  readonly port: number;
  /** Events go to `/<stream>`, to each stream in turn. */
  readonly streams: readonly string[];
  readonly ratePerSecond: number;
  /** The number of the first event. */
  readonly firstId: number;
  readonly bodyBytes: number;
}

const TICK_MS = 20;
const CONNECTIONS_MAX = 64;
/** Longer than any timeout on the way. */
const ANSWER_MS_MAX = 12_000;

/** Begins at once. An event's id is its number; times are those of `Date.now`. */
export function startEventLoad({ port, streams, ratePerSecond, firstId, bodyBytes }: EventLoadOptions): EventLoad {
  const body = Buffer.alloc(bodyBytes, "x");
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX });
  const offered: OfferedEvent[] = [];
  const underWay = new Set<Promise<void>>();
  const listeners = new Set<(event: OfferedEvent) => void>();
  const startMs = Date.now();
  let count = 0;

  const offer = async (): Promise<void> => {
    const id = String(firstId + count);
    const stream = streams[count % streams.length] ?? "";
    count += 1;
    const offeredAtMs = Date.now();
    const status = await post(agent, { port, path: `/${stream}`, id, body });
    const event = { id, stream, offeredAtMs, answeredAtMs: Date.now(), status };
    offered.push(event);
    if (status === ACCEPTED) for (const listener of listeners) listener(event);
  };
  const timer = setInterval(() => {
    const due = ((Date.now() - startMs) / 1_000) * ratePerSecond;
    while (count < due) {
      const offering: Promise<void> = offer().finally(() => underWay.delete(offering));
      underWay.add(offering);
    }
  }, TICK_MS);
  return {
    offered,
    untilAccepted(patienceMs) {
      const sinceMs = Date.now();
      return new Promise((resolve) => {
        const done = (isAccepted: boolean): void => {
          clearTimeout(patience);
          listeners.delete(listener);
          resolve(isAccepted);
        };
        const listener = ({ offeredAtMs }: OfferedEvent): void => {
          if (offeredAtMs >= sinceMs) done(true);
        };
        const patience = setTimeout(() => done(false), patienceMs);
        listeners.add(listener);
      });
    },
    async stop() {
      clearInterval(timer);
      await Promise.all(underWay);
      agent.destroy();
    },
  };
}

/** The status; undefined when there was no answer. */
function post(agent: Agent, { port, path, id, body }: { port: number; path: string; id: string; body: Buffer }) {
  const headers = {
    "ce-specversion": "1.0",
    "ce-id": id,
    "ce-source": "/oracle",
    "ce-type": "numbered",
    "content-type": "text/plain",
  };
  return new Promise<number | undefined>((resolve) => {
    const posted = request({ agent, port, path, headers, host: "127.0.0.1", method: "POST", timeout: ANSWER_MS_MAX });
    posted.on("response", (response) => {
      response.resume().on("error", () => undefined);
      resolve(response.statusCode);
    });
    posted.on("timeout", () => posted.destroy());
    posted.on("error", () => resolve(undefined));
    posted.end(body);
  });
}
