// Sends events through every bus that is there, side by side, and prints what each promised and what it did; then kills their
// Pods with events in hand, and prints what came all the same. `--count N` events to each bus (500), `--rate N` a second (50).
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { call, kubectl, read } from "./cluster.js";
import { promises } from "./promises.js";
import { printTable } from "./table.js";

const number = (text) => ({ type: "string", default: text });
const { values } = parseArgs({ options: { count: number("500"), rate: number("50") } });
const [count, rate] = [Number(values.count), Number(values.rate)];
const namespace = "four-buses";
// The receiver may remember those of an earlier run.
const [steadyRound, heldRound] = ["steady", "held"].map((round) => `${round}-${Date.now()}`);
const heldCount = 100;
/** A broker gives what a killed Pod held to the next one after at most a minute. */
const SETTLE_MS = 120_000;

const buses = findBuses();
prepare();
printTable(
  "What each bus promises",
  ["bus", "keeps events in", "order", "bound of a channel", "duplicates", "a kill of its Pod costs"],
  Object.entries(promises).map(([bus, { keeps, order, bound, duplicates, kill }]) => [
    bus,
    keeps,
    order,
    bound,
    duplicates,
    kill,
  ]),
);
console.log("  (*) Its emulator keeps them in memory.");

const accepted = await sendAll(steadyRound, count);
const steady = await settle(steadyRound, accepted);
printTable(
  `${count} events to each, ${rate} a second to each, side by side`,
  ["bus", "accepted", "delivered", "lost", "duplicates", "out of order", "p50", "p99"],
  buses.map((bus) => {
    const { delivered = 0, duplicates = 0, late = 0, p50Ms = "-", p99Ms = "-" } = steady[bus] ?? {};
    return [bus, accepted[bus], delivered, accepted[bus] - delivered, duplicates, late, `${p50Ms} ms`, `${p99Ms} ms`];
  }),
);

await ask(`/close?round=${heldRound}`);
const held = await sendAll(heldRound, heldCount);
kill();
const killedMs = Date.now();
await ask("/open");
const after = await settle(heldRound, held);
printTable(
  `${heldCount} more to each, refused by the receiver until every bus's Pod was killed`,
  ["bus", "accepted", "came after the kill", "lost", "duplicates", "all there after"],
  buses.map((bus) => {
    const { delivered = 0, duplicates = 0, settledMs } = after[bus] ?? {};
    const seconds = delivered < held[bus] ? "-" : `${((settledMs - killedMs) / 1000).toFixed(1)} s`;
    return [bus, held[bus], delivered, held[bus] - delivered, duplicates, seconds];
  }),
);
process.exit(0);

/** The buses that are there, in the order of the table. */
function findBuses() {
  const known = Object.keys(promises);
  const there = read("clusterbuses.channels.knative.dev").items.map(({ metadata }) => metadata.name);
  const missing = known.filter((bus) => !there.includes(bus));
  if (missing.length > 0)
    console.log(`Not there: ${missing.join(", ")}. All four: npm start -- --bus ${known.join(",")}`);
  return known.filter((bus) => there.includes(bus));
}

/** A Channel of each bus, with a Subscription that leads to the receiver. */
function prepare() {
  const make = (kind, name, spec) => ({
    apiVersion: "channels.knative.dev/v1alpha1",
    kind,
    metadata: { name, namespace },
    spec,
  });
  const items = buses.flatMap((bus) => [
    make("Channel", `to-${bus}`, { clusterBus: bus }),
    make("Subscription", `from-${bus}`, { channel: `to-${bus}`, subscriber: `http://${receiver()}/${bus}` }),
  ]);
  kubectl(["apply", "-f", fileURLToPath(new URL("four-buses.yaml", import.meta.url))]);
  kubectl(["apply", "-f", "-"], JSON.stringify({ apiVersion: "v1", kind: "List", items }));
  kubectl(["rollout", "status", "deployment/receiver", "-n", namespace, "--timeout=60s"]);
  for (const kind of ["channels", "subscriptions"]) {
    const words = [`${kind}.channels.knative.dev`, "--all", "-n", namespace];
    kubectl(["wait", "--for=condition=Ready", ...words, "--timeout=60s"]);
  }
}

function receiver() {
  return `receiver.${namespace}.svc.cluster.local`;
}

async function ask(path) {
  const { status, text } = await call(receiver(), { path });
  return status === 200 ? JSON.parse(text) : {};
}

/** Sends to all buses at the same time; gives how many events each has accepted. */
async function sendAll(round, total) {
  const counts = await Promise.all(buses.map((bus) => sendTo(bus, round, total)));
  return Object.fromEntries(buses.map((bus, index) => [bus, counts[index]]));
}

/** Begins an event when it is due, whether or not the one before has been answered. */
async function sendTo(bus, round, total) {
  const host = `to-${bus}-channel.${namespace}.svc.cluster.local`;
  const startMs = performance.now();
  const answers = [];
  for (let index = 0; index < total; index += 1) {
    await sleep(Math.max(0, startMs + (index * 1000) / rate - performance.now()));
    const headers = {
      "content-type": "application/json",
      "ce-specversion": "1.0",
      "ce-id": `${round}-${index}`,
      "ce-source": "/samples/four-buses",
      "ce-type": "dev.kelvin.number",
    };
    const body = JSON.stringify({ round, number: index, sentMs: Date.now() });
    answers.push(call(host, { method: "POST", headers, body }));
  }
  const done = await Promise.all(answers);
  return done.filter(({ status }) => status === 202).length;
}

/** Waits until everything that was accepted has come, or nothing has for long; gives what the receiver has seen. */
async function settle(round, wanted) {
  const settledMs = {};
  const endMs = Date.now() + SETTLE_MS;
  for (;;) {
    const seen = await ask(`/seen?round=${round}`);
    const complete = buses.filter((bus) => (seen[bus]?.delivered ?? 0) >= wanted[bus]);
    for (const bus of complete) settledMs[bus] ??= Date.now();
    // The stub forgets; what the others have not brought by then is lost.
    const isOver = buses.every((bus) => bus === "stub" || complete.includes(bus));
    if (isOver || Date.now() > endMs) {
      // Duplicates come last.
      await sleep(2_000);
      const last = await ask(`/seen?round=${round}`);
      return Object.fromEntries(buses.map((bus) => [bus, { ...last[bus], settledMs: settledMs[bus] }]));
    }
    await sleep(200);
  }
}

/** As `kill -9` does: without a word before. */
function kill() {
  const pods = buses.map((bus) => `app in (${bus}-clusterbus-dispatcher)`);
  for (const selector of pods) {
    const words = ["-n", "knative-eventing", "-l", selector, "--grace-period=0", "--force", "--wait=false"];
    kubectl(["delete", "pods", ...words]);
  }
}
