import { fork, type ChildProcess } from "node:child_process";
import { activatorHost, openActivatorBed, type ActivatorBed } from "./activator-bed.ts";
import { openBareCluster, type BareCluster } from "./bare-cluster.ts";
import type { LoadRequest, LoadResult } from "./load.ts";
import { cpuSeconds, pin, rssMb } from "./machine.ts";
import { nextMessage, startSubject, untilAccepts } from "./subject.ts";
import { atLeast, median, rounded, spread, type Findings, type Row } from "./table.ts";

const proxyCore = 0;
const loadCore = 1;
const connections = 100;
const warmupMs = 700;
const durationMs = 2_000;
const rounds = 7;
/** A run where the load is not this much faster without the proxy measures the load. */
const headroom = 1.5;
const ratioTarget = 2.5;
const ports = { engine: 18_050, activator: 18_051, peer: 18_052 };

interface Contender {
  readonly name: string;
  readonly port: number;
  readonly host: string;
  readonly pid: number;
  readonly results: Measured[];
}

interface Measured extends LoadResult {
  readonly cpuSeconds: number;
}

/** Requests per CPU-second of our engine, bare and within the activator, against a plain node:http proxy. */
export async function benchProxy(): Promise<Findings> {
  const remarks: string[] = [];
  const load = fork(new URL("load.ts", import.meta.url), { execArgv: ["--conditions=@kelvin/source"] });
  const stops: (() => Promise<void>)[] = [];
  try {
    const { upstreamPort } = (await nextMessage(load)) as { upstreamPort: number };
    pin(load.pid ?? 0, loadCore);
    const contender = (name: string, pid: number, at: { port: number; host?: string }): Contender => ({
      host: "hello.example",
      results: [],
      name,
      pid,
      ...at,
    });
    const program = async (file: string, port: number): Promise<number> => {
      const subject = startSubject(file, [String(port), String(upstreamPort)]);
      stops.push(() => subject.stop());
      await untilAccepts(port, subject);
      return subject.pid;
    };
    const bare = contender("bare upstream", load.pid ?? 0, { port: upstreamPort });
    const engine = contender("engine", await program("bench/engine.ts", ports.engine), { port: ports.engine });
    const peer = contender("peer (node:http)", await program("bench/peer-node-http.js", ports.peer), {
      port: ports.peer,
    });
    const bed = await tryActivator(upstreamPort, stops, remarks);
    const activator =
      bed && contender("activator, all on", bed.activator.pid, { port: ports.activator, host: activatorHost });

    const proxies = [engine, ...(activator === undefined ? [] : [activator]), peer];
    for (const { pid } of proxies) pin(pid, proxyCore);
    for (let round = 0; round < rounds; round++) {
      for (const one of [bare, ...proxies]) {
        // oxlint-disable-next-line no-await-in-loop -- rounds are interleaved, never at once
        one.results.push(await measure(load, one));
      }
    }
    return findings({ bare, engine, activator, peer }, remarks);
  } finally {
    load.disconnect();
    for (const stop of stops.toReversed()) {
      // oxlint-disable-next-line no-await-in-loop -- in the reverse order of starting
      await stop();
    }
  }
}

async function tryActivator(
  upstreamPort: number,
  stops: (() => Promise<void>)[],
  remarks: string[],
): Promise<ActivatorBed | undefined> {
  let cluster: BareCluster | undefined;
  try {
    cluster = await openBareCluster();
    const opened = cluster;
    stops.push(() => opened.close());
    pin(cluster.server.pid, loadCore);
    const bed = await openActivatorBed(cluster, { port: ports.activator, upstreamPort });
    stops.push(() => bed.stop());
    return bed;
  } catch (error) {
    remarks.push(`not run: activator, all on (${error instanceof Error ? error.message : String(error)})`);
    return undefined;
  }
}

async function measure(load: ChildProcess, { port, host, pid }: Contender): Promise<Measured> {
  load.send({ port, host, connections, warmupMs, durationMs } satisfies LoadRequest);
  await nextMessage(load);
  const before = cpuSeconds(pid);
  const result = (await nextMessage(load)) as LoadResult;
  return { ...result, cpuSeconds: cpuSeconds(pid) - before };
}

interface Contenders {
  readonly bare: Contender;
  readonly engine: Contender;
  readonly activator: Contender | undefined;
  readonly peer: Contender;
}

function findings({ bare, engine, activator, peer }: Contenders, remarks: string[]): Findings {
  const ours = activator === undefined ? [engine] : [engine, activator];
  const bareRps = median(bare.results.map(rps));
  for (const { name, results } of ours) {
    const ratio = bareRps / median(results.map(rps));
    if (ratio < headroom) remarks.push(`void: the bare upstream is only ${rounded(ratio)} times as fast as ${name}`);
    const failures = results.reduce((sum, result) => sum + result.failures, 0);
    if (failures > 0) remarks.push(`${name}: ${failures} requests failed`);
  }
  return {
    title: `proxy: ${connections} connections, ${rounds} interleaved rounds of ${durationMs / 1000} s, 13-byte answers, proxy on one core`,
    rows: [bare, ...ours, peer].map((one) => row(one, peer)),
    targets: ours.map((one) =>
      atLeast(`${one.name} / peer, requests per CPU-second`, ratioTo(one, peer), {
        target: ratioTarget,
        unit: "times",
      }),
    ),
    remarks,
  };
}

/** The median of the rounds' ratios: what disturbs a round disturbs both of its sides. */
function ratioTo(one: Contender, peer: Contender): number {
  return median(one.results.map((result, round) => perCpuSecond(result) / perCpuSecond(peer.results[round] ?? result)));
}

function row(one: Contender, peer: Contender): Row {
  const perCpu = one.results.map(perCpuSecond);
  return {
    "": one.name,
    "requests/CPU-s": rounded(median(perCpu)),
    spread: spread(perCpu),
    "x peer": rounded(ratioTo(one, peer)),
    "requests/s": rounded(median(one.results.map(rps))),
    "p50 ms": rounded(median(one.results.map((result) => result.p50Ms))),
    "p99 ms": rounded(median(one.results.map((result) => result.p99Ms))),
    "RSS MB": rounded(rssMb(one.pid)),
  };
}

function rps({ requests, elapsedMs }: LoadResult): number {
  return (requests / elapsedMs) * 1000;
}

function perCpuSecond({ requests, cpuSeconds: seconds }: Measured): number {
  return requests / seconds;
}
