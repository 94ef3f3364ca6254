import { request } from "node:http";
import { afterAll, beforeAll, expect, test } from "@jest/globals";
import { judgeLosses, type OfferedEvent } from "@kelvin/testkit/loss-oracle";
import { openSubscribers, startBus, type BusProcess, type Subscribers } from "./oracle/rig.ts";
import type { Notice, Order, Transition } from "./oracle/transitions.ts";
import { CONSUMERS } from "./oracle/world.ts";

let subscribers: Subscribers;
let bus: BusProcess;
beforeAll(async () => {
  subscribers = await openSubscribers();
  bus = await startBus({ ...subscribers, broker: undefined }, { run: "stub" });
}, 60_000);
afterAll(async () => {
  await bus.close();
  await subscribers.close();
});

const names = Object.keys(CONSUMERS);
const offered: OfferedEvent[] = [];

/** Ids that a consumer of the channel took, in order. */
function taken(name: string): string[] {
  const notes = [...subscribers.steady.notes(), ...subscribers.struck.notes()];
  return notes.filter(({ path }) => path === `/each/${name}`).map(({ id }) => id);
}

/** Posts an event to the channel; it has to be accepted. */
async function send(id: string): Promise<void> {
  const headers = { "ce-specversion": "1.0", "ce-id": id, "ce-source": "/stub", "ce-type": "t" };
  const status = await new Promise((resolve, reject) => {
    request({ host: "127.0.0.1", port: bus.port, path: "/each", method: "POST", headers }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on("error", reject)
      .end();
  });
  expect(status).toBe(202);
  offered.push({ id, stream: "each", offeredAtMs: 0, answeredAtMs: 0, status: 202 });
}

/** Holds the next event that comes there. Resolves with what waits until one is there. */
function holdAt(transition: Transition): () => Promise<void> {
  const isThere = (message: object): message is Notice =>
    "kind" in message && message.kind === "transition" && "transition" in message && message.transition === transition;
  const arrived = bus.now.hear(isThere);
  bus.now.tell({ kind: "arm", transition, act: "tell" } satisfies Order);
  return async () => void (await arrived);
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 400 && !isSo(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 25));
  expect(isSo()).toBe(true);
}

test("a kill of the stub bus costs what was accepted and not finished, the dead letters, and nothing else", async () => {
  for (const id of ["2", "3", "4"]) await send(id);
  await until(() => names.every((name) => taken(name).length === 3));
  // The choosy consumer refuses every fifth event: without a sink it goes to the store.
  const stored = holdAt("stored");
  await send("5");
  await stored();
  bus.now.tell({ kind: "go" } satisfies Order);
  await until(() => taken("steady").includes("5") && taken("struck").includes("5"));
  // One of the three deliveries of event 7 is held back until the process is dead.
  const delivering = holdAt("delivering");
  await send("7");
  await delivering();
  await until(() => names.filter((name) => taken(name).includes("7")).length === 2);
  await bus.now.kill();

  await bus.start();
  for (const id of ["8", "9"]) await send(id);
  await until(() => names.every((name) => taken(name).includes("9") && taken(name).includes("8")));

  const verdict = judgeLosses({
    offered,
    consumers: names.map((name) => ({ stream: "each", name, isSteady: false })),
    delivered: ({ name }) => taken(name),
    deadLettered: () => [],
    outages: [],
  });
  const unfinished = names.find((name) => !taken(name).includes("7"));
  expect(verdict.lost.toSorted()).toEqual(["each/choosy/5", `each/${unfinished}/7`].toSorted());
  expect(verdict.duplicates).toEqual({ "each/steady": 0, "each/struck": 0, "each/choosy": 0 });
  expect(verdict.invented).toEqual([]);
}, 60_000);
