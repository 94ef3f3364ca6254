import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apiServer, etcd, findEtcd, type Contestant, type ObjectServer } from "./apiserver-subjects.ts";
import { cpuSeconds, rssMb } from "./machine.ts";
import { sleep } from "./subject.ts";
import { atLeast, atMost, median, quantile, rounded, spread, type Findings, type Row } from "./table.ts";

const starts = 7;
const writeRounds = 5;
const writesPerRound = 2_000;
const writers = 32;
const watcherCounts = [1, 10, 100];
const deliveries = 200;
const listed = 1_000;
const lists = 15;
const recovered = 10_000;
const settleMs = 3_000;

/** What was measured of one server; a list has one value for each round. */
interface Figures {
  readonly name: string;
  readonly startMs: number[];
  /** Processor time until then. */
  readonly startCpuMs: number[];
  idleMb: number;
  readonly writesPerSecond: number[];
  /** Processor time of the server for a thousand writes. */
  readonly writeCpuMs: number[];
  readonly deliveryMs: Map<number, number[]>;
  readonly listMs: number[];
  readonly recoveryMs: number[];
  recoveredMb: number;
}

/** The API server, beside etcd on the same objects where it is installed. */
export async function benchApiServer(): Promise<Findings> {
  const version = findEtcd();
  const contestants = version === undefined ? [apiServer] : [apiServer, etcd];
  const all = contestants.map((contestant) => ({ contestant, figures: emptyFigures(contestant) }));
  for (let round = 0; round < starts; round++) {
    // oxlint-disable-next-line no-await-in-loop -- interleaved, never at once
    for (const { contestant, figures } of all)
      await withServer(contestant, async (server) => noteStart(server, figures));
  }
  for (const { contestant, figures } of all) {
    // oxlint-disable-next-line no-await-in-loop -- interleaved, never at once
    await withServer(contestant, async (server) => {
      await sleep(settleMs);
      figures.idleMb = rssMb(server.subject.pid);
    });
  }
  await measureWrites(all);
  // oxlint-disable-next-line no-await-in-loop -- one server at a time
  for (const each of all) await measureReading(each);
  // oxlint-disable-next-line no-await-in-loop -- one server at a time
  for (const each of all) await measureRecovery(each);
  return findings(
    all.map(({ figures }) => figures),
    version,
  );
}

interface Measured {
  readonly contestant: Contestant;
  readonly figures: Figures;
}

function emptyFigures({ name }: Contestant): Figures {
  return {
    name,
    startMs: [],
    startCpuMs: [],
    idleMb: NaN,
    writesPerSecond: [],
    writeCpuMs: [],
    deliveryMs: new Map(watcherCounts.map((count) => [count, []])),
    listMs: [],
    recoveryMs: [],
    recoveredMb: NaN,
  };
}

async function withServer(
  contestant: Contestant,
  use: (server: ObjectServer, directory: string) => Promise<void>,
): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "kelvin-bench-"));
  const server = await contestant.start(directory);
  try {
    await use(server, directory);
  } finally {
    await server.subject.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

function noteStart({ readyMs, readyCpuMs }: ObjectServer, { startMs, startCpuMs }: Figures): Promise<void> {
  startMs.push(readyMs);
  startCpuMs.push(readyCpuMs);
  return Promise.resolve();
}

/** An object of about a kilobyte. */
function objectNamed(name: string): object {
  const data: Record<string, string> = {};
  for (let at = 0; at < 16; at++) data[`KEY_${at}`] = `the value of key ${at} of ${name}`;
  const labels = { app: "bench", "app.kubernetes.io/part-of": name };
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, labels }, data };
}

async function writeMany(server: ObjectServer, prefix: string, count: number): Promise<void> {
  let next = 0;
  const writer = async (): Promise<void> => {
    while (next < count) {
      const name = `${prefix}-${next++}`;
      // oxlint-disable-next-line no-await-in-loop -- a writer waits for its answer
      await server.write(name, objectNamed(name));
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
}

/** Rounds of both, in turn, on servers that run side by side: the one that is not asked rests. */
async function measureWrites(all: readonly Measured[]): Promise<void> {
  const directories = await Promise.all(all.map(() => mkdtemp(join(tmpdir(), "kelvin-bench-"))));
  const servers = await Promise.all(all.map(({ contestant }, at) => contestant.start(directories[at] ?? "")));
  try {
    // The first round warms up the compilers.
    for (let round = -1; round < writeRounds; round++) {
      for (const [at, server] of servers.entries()) {
        const figures = round < 0 ? undefined : all[at]?.figures;
        // oxlint-disable-next-line no-await-in-loop -- interleaved, never at once
        await measureRound(server, `w${round + 1}`, figures);
      }
    }
  } finally {
    await Promise.all(servers.map(({ subject }) => subject.stop()));
    await Promise.all(directories.map((directory) => rm(directory, { recursive: true, force: true })));
  }
}

async function measureRound(server: ObjectServer, prefix: string, figures: Figures | undefined): Promise<void> {
  const cpuBefore = cpuSeconds(server.subject.pid);
  const startedMs = performance.now();
  await writeMany(server, prefix, writesPerRound);
  const seconds = (performance.now() - startedMs) / 1_000;
  const cpu = cpuSeconds(server.subject.pid) - cpuBefore;
  figures?.writesPerSecond.push(writesPerRound / seconds);
  figures?.writeCpuMs.push((cpu * 1_000_000) / writesPerRound);
}

async function measureReading({ contestant, figures }: Measured): Promise<void> {
  await withServer(contestant, async (server) => {
    await writeMany(server, "l", listed);
    for (let round = 0; round < lists; round++) {
      const startedMs = performance.now();
      // oxlint-disable-next-line no-await-in-loop -- one list at a time is what is measured
      await server.list();
      figures.listMs.push(performance.now() - startedMs);
    }
    // oxlint-disable-next-line no-await-in-loop -- one number of watchers at a time
    for (const count of watcherCounts) figures.deliveryMs.get(count)?.push(...(await deliver(server, count)));
  });
}

/** From sending a write to each watcher's event, one write at a time. */
async function deliver(server: ObjectServer, watchers: number): Promise<number[]> {
  const latenciesMs: number[] = [];
  let sentMs = 0;
  let left = 0;
  let allHere: () => void = () => undefined;
  const onEvent = (): void => {
    latenciesMs.push(performance.now() - sentMs);
    left -= 1;
    if (left === 0) allHere();
  };
  const closers = await Promise.all(Array.from({ length: watchers }, () => server.watch(onEvent)));
  for (let index = 0; index < deliveries; index++) {
    const arrived = new Promise<void>((resolve) => {
      allHere = resolve;
    });
    left = watchers;
    const name = `d${watchers}-${index}`;
    const object = objectNamed(name);
    sentMs = performance.now();
    // oxlint-disable-next-line no-await-in-loop -- one write at a time is what is measured
    await Promise.all([server.write(name, object), arrived]);
  }
  for (const close of closers) close();
  return latenciesMs.slice(watchers * 10);
}

/** Killed with all its objects, started again. */
async function measureRecovery({ contestant, figures }: Measured): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "kelvin-bench-"));
  let server = await contestant.start(directory);
  try {
    await writeMany(server, "r", recovered);
    for (let round = 0; round < 3; round++) {
      // oxlint-disable no-await-in-loop -- one life after the other
      await server.subject.stop("SIGKILL");
      server = await contestant.start(directory);
      // oxlint-enable no-await-in-loop
      figures.recoveryMs.push(server.readyMs);
    }
    await sleep(settleMs);
    figures.recoveredMb = rssMb(server.subject.pid);
  } finally {
    await server.subject.stop();
    await rm(directory, { recursive: true, force: true });
  }
}

const measures: readonly { name: string; value: (figures: Figures) => string }[] = [
  { name: "start, spawn to ready, ms", value: ({ startMs }) => `${rounded(median(startMs))} (${spread(startMs)})` },
  {
    name: "CPU ms until then",
    value: ({ startCpuMs }) => `${rounded(median(startCpuMs))} (${spread(startCpuMs)})`,
  },
  { name: "idle RSS, MB", value: ({ idleMb }) => String(rounded(idleMb)) },
  {
    name: `writes/s, ${writers} at a time`,
    value: ({ writesPerSecond }) => `${rounded(median(writesPerSecond))} (${spread(writesPerSecond)})`,
  },
  {
    name: "CPU ms per 1000 writes",
    value: ({ writeCpuMs }) => `${rounded(median(writeCpuMs))} (${spread(writeCpuMs)})`,
  },
  ...watcherCounts.map((count) => ({
    name: `write to event, ${count} watchers, p50 / p99 ms`,
    value: ({ deliveryMs }: Figures) => {
      const all = deliveryMs.get(count) ?? [];
      return `${rounded(quantile(all, 0.5))} / ${rounded(quantile(all, 0.99))}`;
    },
  })),
  { name: `list of ${listed}, ms`, value: ({ listMs }) => `${rounded(median(listMs))} (${spread(listMs)})` },
  {
    name: `start with ${recovered} objects after kill -9, ms`,
    value: ({ recoveryMs }) => `${rounded(median(recoveryMs))} (${spread(recoveryMs)})`,
  },
  { name: `RSS with ${recovered} objects, MB`, value: ({ recoveredMb }) => String(rounded(recoveredMb)) },
];

function findings(all: readonly Figures[], etcdVersion: string | undefined): Findings {
  const [ours, theirs] = all;
  if (ours === undefined) throw new Error("nothing was measured");
  const rows = measures.map(({ name, value }): Row => ({
    "": name,
    ...Object.fromEntries(all.map((figures) => [figures.name, value(figures)])),
  }));
  const ratio = theirs === undefined ? [] : [median(ours.writesPerSecond) / median(theirs.writesPerSecond)];
  return {
    title: `apiserver: ConfigMaps of one kilobyte, ${writeRounds} interleaved rounds of ${writesPerRound} writes; median (spread)`,
    rows,
    targets: [
      ...ratio.map((value) =>
        atLeast("writes/s, against etcd through its gateway", value, { target: 1, unit: "times" }),
      ),
      atMost("write to event, 100 watchers, p99", quantile(ours.deliveryMs.get(100) ?? [], 0.99), {
        target: 20,
        unit: "ms",
      }),
      atMost("start, spawn to ready", median(ours.startMs), { target: 300, unit: "ms" }),
      atMost("idle RSS", ours.idleMb, { target: 150, unit: "MB" }),
      atMost(`start with ${recovered} objects`, median(ours.recoveryMs), { target: 1_000, unit: "ms" }),
    ],
    remarks: [
      etcdVersion === undefined
        ? "no etcd on the PATH (Debian: etcd-server): only our own figures"
        : `etcd ${etcdVersion} over HTTP without TLS, a key and its value; kelvin over TLS, an object through the whole registry`,
      "both sync each write to the disk before they acknowledge it",
    ],
  };
}
