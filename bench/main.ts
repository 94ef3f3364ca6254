// npm run bench [build|build-pack|proxy|coldstart|start|events|apiserver|pods] [-- --json FILE] [-- --bus stub|nats|kafka|gcppubsub]
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { describeMachine } from "./machine.ts";
import { printFindings, type Findings } from "./table.ts";

const { values, positionals } = parseArgs({
  options: { json: { type: "string" }, bus: { type: "string" } },
  allowPositionals: true,
});

/** Loaded only when asked for: what one needs may be missing for another. */
const benches: Readonly<Record<string, () => Promise<Findings | Findings[]>>> = {
  proxy: async () => (await import("./proxy.ts")).benchProxy(),
  start: async () => (await import("./start.ts")).benchStart(),
  build: async () => (await import("./build.ts")).benchBuild(),
  "build-pack": async () => (await import("./build-pack.ts")).benchBuildPack(),
  pods: async () => (await import("./pods.ts")).benchPods(),
  coldstart: async () => (await import("./coldstart.ts")).benchColdstart(),
  events: benchEvents,
  apiserver: async () => (await import("./apiserver.ts")).benchApiServer(),
};

const unknown = positionals.filter((name) => benches[name] === undefined);
if (unknown.length > 0) {
  console.error(`unknown benchmark ${unknown.join(", ")}; there are ${Object.keys(benches).join(", ")}`);
  process.exit(2);
}

const machine = describeMachine();
const names = positionals.length > 0 ? positionals : Object.keys(benches);
console.log(`${machine.cpu}, ${machine.cores} cores, load ${machine.load.toFixed(2)}, Node ${machine.node}`);
const all: Findings[] = [];
for (const name of names) {
  const found = (await benches[name]?.()) ?? [];
  for (const findings of Array.isArray(found) ? found : [found]) {
    printFindings(findings);
    all.push(findings);
  }
}

if (values.json !== undefined) {
  const report = {
    bench: names.join(","),
    machine,
    rows: all.flatMap(({ rows }) => rows),
    targets: all.flatMap(({ targets }) => targets),
  };
  await writeFile(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
}

/** `--bus` picks one of the buses; without it all that can be measured are. */
async function benchEvents(): Promise<Findings[]> {
  const { benchBuses } = await import("./bench-bus.ts");
  const kinds = ["stub", ...Object.keys(benchBuses)];
  const { bus } = values;
  if (bus !== undefined && !kinds.includes(bus)) throw new Error(`--bus: "${bus}" is none of ${kinds.join(", ")}`);
  const found: Findings[] = [];
  for (const kind of bus === undefined ? kinds : [bus]) {
    if (kind === "stub") found.push(await (await import("./events.ts")).benchEventsStub());
    else {
      found.push(await (await import("./bus-leg.ts")).benchBusLeg(kind));
      found.push(await (await import("./bus-ends.ts")).benchBusEnds(kind));
    }
  }
  return found;
}
