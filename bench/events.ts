import { fork, type ChildProcess } from "node:child_process";
import { complain, durationMs, measure, ratio, rounds, row, type Contender } from "./contender.ts";
import type { EventsLoadPorts } from "./events-load.ts";
import { pin, rssMb } from "./machine.ts";
import { nextMessage, sleep, startSubject, untilAccepts, type Subject } from "./subject.ts";
import { atLeast, atMost, median, type Findings, type Row, type Target } from "./table.ts";

const subjectCore = 0;
const loadCore = 1;
const inFlight = 64;
const soakSeconds = Number(process.env["BENCH_SOAK_SECONDS"] ?? 60);
const firstPort = Number(process.env["BENCH_PORT"] ?? 23_400);

const targets = { one: 0.85, five: 1, triggers: 2, silent: 1.25, soak: 1.1 };
const kib = 1024;

const program = "apps/eventing-bus/test/bench-program.ts";
/** As the service runs: see the Dockerfile of eventing-bus. With 2 MB the same load took some 10 % more CPU. */
const serviceFlags = ["--max-semi-space-size=8", "--conditions=@kelvin/source"];

/** The data path on the bus in memory against a bare forwarder, and against itself under harder conditions. */
export async function benchEventsStub(): Promise<Findings> {
  const load = fork(new URL("events-load.ts", import.meta.url), { execArgv: ["--conditions=@kelvin/source"] });
  const bed: Bed = { load, ports: (await nextMessage(load)) as EventsLoadPorts, subjects: [] };
  try {
    pin(load.pid ?? 0, loadCore);
    const contenders = await startContenders(bed);
    const all = Object.values(contenders);
    for (let round = 0; round < rounds; round++) {
      for (const one of all) {
        // oxlint-disable-next-line no-await-in-loop -- rounds are interleaved, never at once
        one.results.push(await measure(load, one));
      }
    }
    const isolation = await compareSilence(bed);
    const soaked = await soak(load, contenders.one1);
    return {
      title: `events on the bus in memory: ${inFlight} under way, ${rounds} interleaved rounds of ${durationMs / 1000} s, subject on one core`,
      rows: [...all.map((one) => row(one)), ...isolation.rows, ...soaked.rows],
      targets: [...ratios(contenders), ...isolation.targets, ...soaked.targets],
      remarks: all.flatMap(({ name, results }) => complain(name, results)),
    };
  } finally {
    load.disconnect();
    for (const subject of bed.subjects) {
      // oxlint-disable-next-line no-await-in-loop -- one after the other
      await subject.stop();
    }
  }
}

/** What `apps/eventing-bus/test/bench-program.ts` is told. */
interface BenchProgramSpec {
  readonly port: number;
  readonly targetPorts: readonly number[];
  readonly idleTriggers: number;
  readonly silentPort?: number;
}

interface Bed {
  readonly load: ChildProcess;
  readonly ports: EventsLoadPorts;
  readonly subjects: Subject[];
}

type Contenders = Readonly<
  Record<
    "one1" | "one64" | "peer1" | "peer64" | "five1" | "five64" | "peerFive1" | "peerFive64" | "ten" | "thousand",
    Contender
  >
>;

async function startContenders(bed: Bed): Promise<Contenders> {
  const [one = 0] = bed.ports.ports;
  const ours1 = await startOurs(bed, { targetPorts: [one], idleTriggers: 0 });
  const ours5 = await startOurs(bed, { targetPorts: bed.ports.ports, idleTriggers: 0 });
  const ours10 = await startOurs(bed, { targetPorts: [one], idleTriggers: 9 });
  const ours1000 = await startOurs(bed, { targetPorts: [one], idleTriggers: 999 });
  const peer1 = await startPeer(bed, [one]);
  const peer5 = await startPeer(bed, bed.ports.ports);
  const contender = (name: string, at: Started, how: { fanOut: number; bodyBytes: number }): Contender => ({
    name,
    subject: at.subject,
    request: { port: at.port, inFlight, ...how },
    results: [],
  });
  return {
    one1: contender("fan-out 1, 1 KiB", ours1, { fanOut: 1, bodyBytes: kib }),
    peer1: contender("peer, fan-out 1, 1 KiB", peer1, { fanOut: 1, bodyBytes: kib }),
    five1: contender("fan-out 5, 1 KiB", ours5, { fanOut: 5, bodyBytes: kib }),
    peerFive1: contender("peer, fan-out 5, 1 KiB", peer5, { fanOut: 5, bodyBytes: kib }),
    one64: contender("fan-out 1, 64 KiB", ours1, { fanOut: 1, bodyBytes: 64 * kib }),
    peer64: contender("peer, fan-out 1, 64 KiB", peer1, { fanOut: 1, bodyBytes: 64 * kib }),
    five64: contender("fan-out 5, 64 KiB", ours5, { fanOut: 5, bodyBytes: 64 * kib }),
    peerFive64: contender("peer, fan-out 5, 64 KiB", peer5, { fanOut: 5, bodyBytes: 64 * kib }),
    ten: contender("10 triggers, 1 matches", ours10, { fanOut: 1, bodyBytes: kib }),
    thousand: contender("1 000 triggers, 1 matches", ours1000, { fanOut: 1, bodyBytes: kib }),
  };
}

interface Started {
  readonly subject: Subject;
  readonly port: number;
}

async function startOurs(bed: Bed, spec: Omit<BenchProgramSpec, "port">): Promise<Started> {
  const port = firstPort + bed.subjects.length;
  const argument: BenchProgramSpec = { ...spec, port };
  return started(bed, port, startSubject(program, [JSON.stringify(argument)], { flags: serviceFlags }));
}

async function startPeer(bed: Bed, targetPorts: readonly number[]): Promise<Started> {
  const port = firstPort + bed.subjects.length;
  return started(bed, port, startSubject("bench/peer-forwarder.ts", [String(port), ...targetPorts.map(String)]));
}

async function started(bed: Bed, port: number, subject: Subject): Promise<Started> {
  bed.subjects.push(subject);
  await untilAccepts(port, subject);
  pin(subject.pid, subjectCore);
  return { subject, port };
}

function ratios({
  one1,
  one64,
  peer1,
  peer64,
  five1,
  five64,
  peerFive1,
  peerFive64,
  ten,
  thousand,
}: Contenders): Target[] {
  const unit = "times";
  return [
    atLeast("fan-out 1, 1 KiB: events per CPU-second / peer", ratio(one1, peer1), { target: targets.one, unit }),
    atLeast("fan-out 1, 64 KiB: events per CPU-second / peer", ratio(one64, peer64), { target: targets.one, unit }),
    atLeast("fan-out 5, 1 KiB: deliveries per CPU-second / peer", ratio(five1, peerFive1), {
      target: targets.five,
      unit,
    }),
    atLeast("fan-out 5, 64 KiB: deliveries per CPU-second / peer", ratio(five64, peerFive64), {
      target: targets.five,
      unit,
    }),
    atMost("1 000 triggers / 10: CPU per event", ratio(ten, thousand), { target: targets.triggers, unit }),
  ];
}

interface Part {
  readonly rows: Row[];
  readonly targets: Target[];
}

/** The same rate to one subscriber, alone and beside one that never answers. */
async function compareSilence(bed: Bed): Promise<Part> {
  const [one = 0] = bed.ports.ports;
  const { silentPort } = bed.ports;
  const request = { fanOut: 1, bodyBytes: kib, inFlight, ratePerSecond: 500 };
  const alone = await startOurs(bed, { targetPorts: [one], idleTriggers: 0 });
  const beside = await startOurs(bed, { targetPorts: [one], idleTriggers: 0, silentPort });
  const calm: Contender = {
    name: "500 events/s",
    subject: alone.subject,
    request: { ...request, port: alone.port },
    results: [],
  };
  const troubled: Contender = {
    name: "500 events/s beside a silent subscriber",
    subject: beside.subject,
    request: { ...request, port: beside.port },
    results: [],
  };
  for (let round = 0; round < rounds; round++) {
    for (const contender of [calm, troubled]) {
      // oxlint-disable-next-line no-await-in-loop -- rounds are interleaved, never at once
      contender.results.push(await measure(bed.load, contender));
    }
  }
  const times = median(troubled.results.map(({ p99Ms }, index) => p99Ms / (calm.results[index]?.p99Ms ?? NaN)));
  return {
    rows: [row(calm), row(troubled)],
    targets: [
      atMost("beside a silent subscriber: p99 of the others", times, { target: targets.silent, unit: "times" }),
    ],
  };
}

/** Half of what it can, for long: its memory must not grow. */
async function soak(load: ChildProcess, contender: Contender): Promise<Part> {
  const ratePerSecond = median(contender.results.map(({ events, elapsedMs }) => (events / elapsedMs) * 1000)) / 2;
  const samples: number[] = [];
  const soaked: Contender = {
    ...contender,
    name: `soak, ${soakSeconds} s at half load`,
    request: { ...contender.request, ratePerSecond },
    results: [],
  };
  let isOver = false;
  const sampling = (async () => {
    while (!isOver) {
      samples.push(rssMb(contender.subject.pid));
      // oxlint-disable-next-line no-await-in-loop -- a sample a second
      await sleep(1_000);
    }
  })();
  soaked.results.push(await measure(load, soaked, soakSeconds * 1_000));
  isOver = true;
  await sampling;
  const half = Math.floor(samples.length / 2);
  const growth = median(samples.slice(half)) / median(samples.slice(0, half));
  return {
    rows: [row(soaked)],
    targets: [atMost("soak: memory of the second half / the first", growth, { target: targets.soak, unit: "times" })],
  };
}
