// npm run bench [build|build-pack|proxy|coldstart|start|events|apiserver|pods] [-- --json FILE]
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { describeMachine } from "./machine.ts";
import { printFindings, type Findings } from "./table.ts";

/** Loaded only when asked for: what one needs may be missing for another. */
const benches: Readonly<Record<string, () => Promise<Findings>>> = {
  proxy: async () => (await import("./proxy.ts")).benchProxy(),
  start: async () => (await import("./start.ts")).benchStart(),
  build: async () => (await import("./build.ts")).benchBuild(),
  "build-pack": async () => (await import("./build-pack.ts")).benchBuildPack(),
  pods: async () => (await import("./pods.ts")).benchPods(),
  coldstart: async () => (await import("./coldstart.ts")).benchColdstart(),
  events: async () => (await import("./events.ts")).benchEventsStub(),
  apiserver: async () => (await import("./apiserver.ts")).benchApiServer(),
};

const { values, positionals } = parseArgs({ options: { json: { type: "string" } }, allowPositionals: true });
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
  const findings = await benches[name]?.();
  if (findings === undefined) continue;
  printFindings(findings);
  all.push(findings);
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
