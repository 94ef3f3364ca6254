import { fork, type ChildProcess } from "node:child_process";
import { benchBuses } from "./bench-bus.ts";
import type { BusLegRequest, BusLegResult } from "./bus-leg-program.ts";
import { cpuSeconds, pin, rssMb } from "./machine.ts";
import { nextMessage } from "./subject.ts";
import { atLeast, median, rounded, spread, type Findings, type Row } from "./table.ts";

const clientCore = 0;
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 7);
const ratioTarget = 0.6;
const sizes = [
  { name: "1 KiB", bodyBytes: 1024, records: 10_000, window: 256 },
  { name: "64 KiB", bodyBytes: 64 * 1024, records: 1_500, window: 64 },
];

interface Contender {
  readonly name: string;
  readonly process: ChildProcess;
  /** By size. */
  readonly results: Map<string, Measured[]>;
}

interface Measured extends BusLegResult {
  readonly records: number;
  readonly cpuSeconds: number;
}

/** Publish to consume, with confirmed publishes and confirmed acknowledgements: our bus against the bare client. */
export async function benchBusLeg(kind: string): Promise<Findings> {
  const title = `events on ${kind}, the bus alone: publish → consume, all confirmed, ${rounds} interleaved rounds`;
  const bus = await benchBuses[kind]?.();
  const problem = bus === undefined ? "there is no such bus" : bus.findProblem();
  if (bus === undefined || problem !== undefined) {
    return { title, rows: [], targets: [], remarks: [`not run: ${problem}`] };
  }
  const broker = await bus.startBroker();
  const contenders: Contender[] = [];
  try {
    for (const name of ["ours", "raw"]) {
      // oxlint-disable-next-line no-await-in-loop -- two of them, once
      contenders.push(await start(name, kind, broker.address));
    }
    const turns = sizes.flatMap((size) => contenders.map((one) => ({ size, one })));
    for (let round = 0; round < rounds; round++) {
      for (const { size, one } of turns) {
        // oxlint-disable-next-line no-await-in-loop -- rounds are interleaved, never at once
        const measured = await measure(one, size);
        one.results.set(size.name, [...(one.results.get(size.name) ?? []), measured]);
      }
    }
    return {
      title,
      rows: contenders.flatMap((one) => rowsOf(one, kind)),
      targets: targetsOf(contenders, kind),
      remarks: [],
    };
  } finally {
    for (const { process: child } of contenders) if (child.connected) child.disconnect();
    await broker.close();
  }
}

async function start(name: string, kind: string, address: string): Promise<Contender> {
  const child = fork(new URL("bus-leg-program.ts", import.meta.url), [name, kind, address], {
    execArgv: ["--conditions=@kelvin/source"],
  });
  await nextMessage(child);
  pin(child.pid ?? 0, clientCore);
  return { name, process: child, results: new Map() };
}

async function measure({ process: child }: Contender, request: BusLegRequest): Promise<Measured> {
  const before = cpuSeconds(child.pid ?? 0);
  const { records, bodyBytes, window } = request;
  child.send({ records, bodyBytes, window } satisfies BusLegRequest);
  const { elapsedMs } = (await nextMessage(child)) as BusLegResult;
  return { elapsedMs, records, cpuSeconds: cpuSeconds(child.pid ?? 0) - before };
}

function targetsOf([ours, raw]: Contender[], kind: string): Findings["targets"] {
  return sizes.map(({ name }) => {
    const mine = ours?.results.get(name) ?? [];
    const theirs = raw?.results.get(name) ?? [];
    const ratio = median(mine.map((result, round) => perSecond(result) / perSecond(theirs[round] ?? result)));
    return atLeast(`bus alone on ${kind}, ${name}: records per second / raw client`, ratio, {
      target: ratioTarget,
      unit: "times",
    });
  });
}

function rowsOf({ name, process: child, results }: Contender, kind: string): Row[] {
  return [...results].map(([size, measured]) => ({
    "": `${name === "ours" ? `bus-${kind}` : "raw client"}, ${size}`,
    "records/s": rounded(median(measured.map(perSecond))),
    spread: spread(measured.map(perSecond)),
    "records/CPU-s": rounded(median(measured.map((one) => one.records / one.cpuSeconds))),
    "RSS MB": rounded(rssMb(child.pid ?? 0)),
  }));
}

function perSecond({ records, elapsedMs }: Measured): number {
  return (records / elapsedMs) * 1_000;
}
