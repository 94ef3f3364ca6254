import { createHash, randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { exchange } from "./load/exchange.ts";
import { type LoadPart, type LoadReport, makeTally, type Tally } from "./load/report.ts";
import type { LoadTarget } from "./load/target.ts";
import { openEchoSocket } from "./load/web-socket.ts";

export type { LoadFailure, LoadPart, LoadReport } from "./load/report.ts";

export interface LoadOptions {
  readonly host: string;
  readonly port: number;
  /** The Host header, which names the Service. */
  readonly hostHeader: string;
  /** Each asks again as soon as it was answered, GET and POST in turn. Default 50. */
  readonly keepAliveConnections?: number;
  /** Requests per second that open a connection of their own. Default 100. */
  readonly newConnectionsPerSecond?: number;
  /** Responses that are streamed at any time. Default 5. */
  readonly streams?: number;
  /** How long each of them takes. Default 10. */
  readonly streamSeconds?: number;
  /** Websockets that send a message each 100 ms and await its echo. Default 1. */
  readonly webSockets?: number;
  /** How long an answer, the next chunk of a stream, or an echo may take. Default 30 s. */
  readonly timeoutMs?: number;
}

export interface Load {
  /** Begins nothing new, awaits what is under way for as long as that may take, and reports. */
  stop(): Promise<LoadReport>;
}

const postBytes = 4_096;
const echoIntervalMs = 100;
/** Answers outstanding on connections of their own; more would be an attack, and say nothing new. */
const newConnectionsOpenMax = 1_000;
/** After a failure, so that a dead server is asked often but not as fast as the loop can turn. */
const failurePauseMs = 20;

/** What each part of the load works with. */
interface Part {
  readonly target: LoadTarget;
  readonly tally: Tally;
  readonly stopped: AbortSignal;
}

/**
 * Puts the load of a rollout onto a probe-app (see e2e/apps/probe-app) and watches each answer. A failure is any status
 * that is no success, a reset, a short or wrong body, a close without an answer, and silence.
 */
export function openLoad(options: LoadOptions): Load {
  const { host, port, hostHeader, timeoutMs = 30_000 } = options;
  const stop = new AbortController();
  const tally = makeTally();
  const part: Part = { target: { host, port, hostHeader, timeoutMs }, tally, stopped: stop.signal };
  const running = [
    ...times(options.keepAliveConnections ?? 50, () => runKeepAlive(part)),
    ...times(options.streams ?? 5, () => runStreams(part, options.streamSeconds ?? 10)),
    ...times(options.webSockets ?? 1, () => runWebSocket(part)),
    runNewConnections(part, options.newConnectionsPerSecond ?? 100),
  ];
  return {
    async stop() {
      stop.abort();
      await Promise.all(running);
      return tally.report();
    },
  };
}

function times(count: number, start: () => Promise<void>): Promise<void>[] {
  return Array.from({ length: count }, start);
}

/** One connection that asks as fast as it is answered. */
async function runKeepAlive({ target, tally, stopped }: Part): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  for (let round = 0; !stopped.aborted; round += 1) {
    const isFine = await measure(tally, "keep-alive", () =>
      round % 2 === 0 ? get(target, agent) : postAndCompare(target, agent),
    );
    if (!isFine) await pause(failurePauseMs, stopped);
  }
  agent.destroy();
}

/** Starts requests at a steady rate, whether or not the earlier ones have been answered. */
async function runNewConnections({ target, tally, stopped }: Part, perSecond: number): Promise<void> {
  const open = new Set<Promise<unknown>>();
  const startMs = performance.now();
  for (let started = 0; !stopped.aborted; await pause(5, stopped)) {
    const due = Math.floor(((performance.now() - startMs) / 1000) * perSecond);
    for (; started < due; started += 1) {
      if (open.size >= newConnectionsOpenMax) {
        tally.failed("new-connection", `${open.size} requests are waiting for an answer: not asked`);
        continue;
      }
      const ask = started % 2 === 0 ? get : postAndCompare;
      const asked = measure(tally, "new-connection", () => ask(target, false)).finally(() => open.delete(asked));
      open.add(asked);
    }
  }
  await Promise.all(open);
}

/** One streamed response after the other; each is read to its last line. */
async function runStreams({ target, tally, stopped }: Part, seconds: number): Promise<void> {
  const lines = Math.round(seconds * 10);
  while (!stopped.aborted) {
    try {
      const body = await exchange(target, { path: `/stream?seconds=${seconds}`, agent: false });
      const text = body.toString("utf8");
      if (!text.endsWith(`line ${lines} of ${lines}\n`))
        throw new Error(`short stream: it ended with ${JSON.stringify(text.slice(-40))}`);
      tally.succeeded("stream");
    } catch (error) {
      tally.failed("stream", messageOf(error));
      await pause(failurePauseMs, stopped);
    }
  }
}

/** A websocket with an echo each 100 ms, opened anew when the server says good-bye. */
async function runWebSocket(part: Part): Promise<void> {
  const { tally, stopped } = part;
  while (!stopped.aborted) {
    try {
      const closedBy = await echoUntilClosed(part);
      if (closedBy === "server") tally.reopened();
    } catch (error) {
      tally.failed("websocket", messageOf(error));
      await pause(failurePauseMs, stopped);
    }
  }
}

/** Resolves when either side closed in order. @throws when it was cut, or an echo is late or wrong. */
async function echoUntilClosed({ target, tally, stopped }: Part): Promise<"server" | "us"> {
  const received: string[] = [];
  let wake: () => void = () => undefined;
  const socket = await openEchoSocket(target, (message) => {
    received.push(message);
    wake();
  });
  try {
    for (let count = 1; !stopped.aborted; count += 1) {
      const message = `echo ${count}`;
      const echoed = new Promise<"echo">((resolve) => (wake = () => resolve("echo")));
      socket.send(message);
      const end = await Promise.race([echoed, socket.ended, late(target.timeoutMs)]);
      if (end === "late") throw new Error(`no echo for ${target.timeoutMs} ms`);
      if (end !== "echo") return orderly(end);
      const answer = received.shift();
      if (answer !== message) throw new Error(`sent ${JSON.stringify(message)}, got back ${JSON.stringify(answer)}`);
      tally.succeeded("websocket");
      await Promise.race([pause(echoIntervalMs, stopped), socket.ended]);
    }
    socket.close();
    const end = await Promise.race([socket.ended, late(target.timeoutMs)]);
    if (end === "late") throw new Error("the closing handshake was not answered");
    orderly(end);
    return "us";
  } finally {
    socket.destroy();
  }
}

function orderly(end: { isOrderly: true } | { isOrderly: false; cause: string }): "server" {
  if (end.isOrderly) return "server";
  throw new Error(end.cause);
}

async function late(afterMs: number): Promise<"late"> {
  await sleep(afterMs, undefined, { ref: false });
  return "late";
}

async function get(target: LoadTarget, agent: Agent | false): Promise<void> {
  const body = await exchange(target, { path: "/", agent });
  if (body.length === 0) throw new Error("short body: it is empty");
}

/** Sends 4 KiB that were never sent before; the answer tells what arrived. */
async function postAndCompare(target: LoadTarget, agent: Agent | false): Promise<void> {
  const body = randomBytes(postBytes);
  const answer = await exchange(target, { path: "/echo", method: "POST", body, agent });
  const sha256 = createHash("sha256").update(body).digest("hex");
  const text = answer.toString("utf8");
  if (!text.includes(sha256))
    throw new Error(`wrong body: the server did not get what was sent, says ${text.slice(0, 200)}`);
}

/** Runs one request and counts it; whether it went well. */
async function measure(tally: Tally, part: LoadPart, ask: () => Promise<void>): Promise<boolean> {
  const startMs = performance.now();
  try {
    await ask();
    tally.succeeded(part, performance.now() - startMs);
    return true;
  } catch (error) {
    tally.failed(part, messageOf(error));
    return false;
  }
}

async function pause(delayMs: number, stopped: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal: stopped }).catch(() => undefined);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
