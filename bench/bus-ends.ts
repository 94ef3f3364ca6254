import { fork } from "node:child_process";
import { benchBuses } from "./bench-bus.ts";
import {
  complain,
  durationMs,
  measure,
  perCpuSecond,
  rounds,
  row,
  type Contender,
  type Measured,
} from "./contender.ts";
import type { EventsLoadPorts } from "./events-load.ts";
import { pin } from "./machine.ts";
import { nextMessage, startSubject, untilAccepts, type Subject } from "./subject.ts";
import { atLeast, median, type Findings, type Target } from "./table.ts";

const subjectCore = 0;
const loadCore = 1;
const inFlight = 64;
const firstPort = Number(process.env["BENCH_PORT"] ?? 23_450);
const ratioTarget = 0.7;
const sizes = [
  { name: "1 KiB", bodyBytes: 1024 },
  { name: "64 KiB", bodyBytes: 64 * 1024 },
];
const program = "apps/eventing-bus/test/bench-program.ts";
const serviceFlags = ["--max-semi-space-size=8", "--conditions=@kelvin/source"];

/** Sender to subscriber through a real broker: our data path, against the bare forwarder with the bare client in its middle. */
export async function benchBusEnds(kind: string): Promise<Findings> {
  const title = `events on ${kind}, end to end: fan-out 1, ${inFlight} under way, ${rounds} interleaved rounds of ${durationMs / 1000} s`;
  const bus = await benchBuses[kind]?.();
  const problem = bus === undefined ? "there is no such bus" : bus.findProblem();
  if (bus === undefined || problem !== undefined) {
    return { title, rows: [], targets: [], remarks: [`not run: ${problem}`] };
  }
  const load = fork(new URL("events-load.ts", import.meta.url), { execArgv: ["--conditions=@kelvin/source"] });
  const { ports } = (await nextMessage(load)) as EventsLoadPorts;
  const broker = await bus.startBroker();
  const subjects: Subject[] = [];
  try {
    pin(load.pid ?? 0, loadCore);
    const [target = 0] = ports;
    const at = { kind, address: broker.address, target };
    subjects.push(await startOurs(at), await startPeer(at));
    const pairs = sizes.map((size) => pairOf(size, subjects));
    for (let round = 0; round < rounds; round++) {
      for (const contender of pairs.flat()) {
        // oxlint-disable-next-line no-await-in-loop -- rounds are interleaved, never at once
        contender.results.push(await measure(load, contender));
      }
    }
    return {
      title,
      rows: pairs.flat().map((one) => row(one)),
      targets: pairs.flatMap(([ours, peer], index) => targetsOf(`${kind}, ${sizes[index]?.name}`, ours, peer)),
      remarks: pairs.flat().flatMap(({ name, results }) => complain(name, results)),
    };
  } finally {
    load.disconnect();
    // oxlint-disable-next-line no-await-in-loop -- one after the other
    for (const subject of subjects) await subject.stop();
    await broker.close();
  }
}

interface Place {
  readonly kind: string;
  readonly address: string;
  readonly target: number;
}

async function startOurs({ kind, address, target }: Place): Promise<Subject> {
  // As the program's own spec says.
  const spec = { port: firstPort, targetPorts: [target], idleTriggers: 0, broker: { kind, at: address } };
  return started(firstPort, startSubject(program, [JSON.stringify(spec)], { flags: serviceFlags }));
}

async function startPeer({ kind, address, target }: Place): Promise<Subject> {
  const args = [String(firstPort + 1), kind, address, String(target)];
  return started(firstPort + 1, startSubject("bench/peer-bus-forwarder.ts", args, { flags: serviceFlags }));
}

async function started(port: number, subject: Subject): Promise<Subject> {
  await untilAccepts(port, subject);
  pin(subject.pid, subjectCore);
  return subject;
}

function pairOf(
  { name, bodyBytes }: (typeof sizes)[number],
  [ours, peer]: readonly Subject[],
): readonly [Contender, Contender] {
  if (ours === undefined || peer === undefined) throw new Error("not started");
  const request = { inFlight, fanOut: 1, bodyBytes };
  return [
    { name, subject: ours, request: { ...request, port: firstPort }, results: [] },
    { name: `peer, ${name}`, subject: peer, request: { ...request, port: firstPort + 1 }, results: [] },
  ];
}

function targetsOf(what: string, ours: Contender, peer: Contender): Target[] {
  const ratioOf = (figure: (one: Measured) => number): number =>
    median(ours.results.map((result, round) => figure(result) / figure(peer.results[round] ?? result)));
  const bound = { target: ratioTarget, unit: "times" };
  return [
    atLeast(`end to end on ${what}: events per second / forwarder with the raw client`, ratioOf(perSecond), bound),
    atLeast(`end to end on ${what}: events per CPU-second / the same`, ratioOf(perCpuSecond), bound),
  ];
}

function perSecond({ events, elapsedMs }: Measured): number {
  return (events / elapsedMs) * 1_000;
}
