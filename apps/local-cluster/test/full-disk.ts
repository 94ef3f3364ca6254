// Runs in a mount namespace of its own, on a disk of 2 MiB that it fills: node full-disk.ts <mount point>
// Prints what happened as JSON.
import { execFileSync } from "node:child_process";
import { open, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { openJournal } from "../src/storage/file-journal.ts";
import { openStore, type Store } from "../src/storage/store.ts";
import type { JsonObject } from "../src/api-server/api-object.ts";
import type { RawAnswer, RawClient } from "../src/api-server/testing/raw-client.ts";
import { startServerProcess, type ServerProcess } from "./server-process.ts";

const [disk = ""] = process.argv.slice(2);
execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]);
const filler = join(disk, "filler");
const configMaps = "/api/v1/namespaces/default/configmaps";
const leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";

async function fillDisk(leftBytes = 0): Promise<void> {
  const file = await open(filler, "a");
  let bytes = 0;
  try {
    for (;;) bytes += (await file.write(Buffer.alloc(4_096, "x"))).bytesWritten;
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
  }
  await file.truncate((await file.stat()).size - leftBytes);
  await file.close();
  if (bytes === 0) throw new Error("the disk was full before");
}

const revisionOf = (answer: RawAnswer): number => Number((answer.json["metadata"] as JsonObject)["resourceVersion"]);

interface Life {
  readonly client: RawClient;
  /** Name and resourceVersion of what was acknowledged. */
  readonly acknowledged: Map<string, number>;
  readonly refusals: RawAnswer[];
}

let nextName = 0;
async function create({ client, acknowledged, refusals }: Life): Promise<boolean> {
  const name = `c${nextName++}`;
  const answer = await client.call("POST", configMaps, { body: { metadata: { name }, data: { a: "a".repeat(900) } } });
  if (answer.code === 201) acknowledged.set(name, revisionOf(answer));
  else refusals.push(answer);
  return answer.code === 201;
}

async function untilRefused(life: Life): Promise<void> {
  for (let count = 0; count < 4_000; count++) if (!(await create(life))) return;
  throw new Error("the disk was never full");
}

async function untilAccepted(life: Life): Promise<void> {
  for (let count = 0; count < 100; count++) {
    if (await create(life)) return;
    await sleep(100);
  }
  throw new Error("writes were refused for ever");
}

async function countLost({ client, acknowledged }: Life): Promise<number> {
  const { json } = await client.call("GET", configMaps);
  const items = json["items"] as { metadata: { name: string; resourceVersion: string } }[];
  const found = new Map(items.map(({ metadata }) => [metadata.name, Number(metadata.resourceVersion)]));
  return [...acknowledged].filter(([name, revision]) => found.get(name) !== revision).length;
}

/** The server over HTTP: full, free, full, killed, started while full, started again. */
async function serverOnFullDisk(): Promise<JsonObject> {
  let server: ServerProcess = await startServerProcess(disk);
  let life: Life = { client: server.client, acknowledged: new Map(), refusals: [] };
  for (let count = 0; count < 20; count++) await create(life);
  await fillDisk(10_000);
  const watched = life.client.lines(`${leases}?watch=1`, 1);
  await untilRefused(life);
  for (let count = 0; count < 20; count++) await create(life);
  const [uncertain, ...refused] = life.refusals.splice(0);
  const read = await life.client.call("GET", `${configMaps}/c0`);
  // Not kept on disk, so it goes on: the node does not become unready.
  const lease = await life.client.call("POST", leases, { body: { metadata: { name: "l" } } });
  const [event] = await watched;
  const lostWhileFull = await countLost(life);

  await rm(filler);
  await untilAccepted(life);
  const revisionBefore = Math.max(...life.acknowledged.values(), revisionOf(lease));
  await fillDisk(4_096);
  await untilRefused(life);
  const seen = revisionOf(await life.client.call("GET", configMaps));
  await server.kill();
  const startWhileFull = await startServerProcess(disk).then(
    () => "started",
    (error: unknown) => String(error),
  );
  await rm(filler);
  server = await startServerProcess(disk);
  life = { ...life, client: server.client };
  const lostAfterwards = await countLost(life);
  const revisionAfter = revisionOf(await life.client.call("GET", configMaps));
  const isWritable = await create(life);
  await server.kill("SIGTERM");
  return {
    uncertain: uncertain?.json,
    refusedCodes: [...new Set(refused.map(({ code }) => code))],
    refusal: refused.at(-1)?.json,
    readCode: read.code,
    leaseCode: lease.code,
    eventType: event?.["type"],
    lostWhileFull,
    lostAfterwards,
    startWhileFull,
    revisionRises: seen > revisionBefore && revisionAfter >= seen,
    isWritable,
  };
}

function put(store: Store, name: string): void {
  const metadata = { name, namespace: "n" };
  store.put(
    { type: "t", namespace: "n", name },
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: "d".repeat(500) },
  );
}

/** A journal with room for its log and not for a snapshot. */
async function snapshotOnFullDisk(): Promise<JsonObject> {
  const dataDir = join(disk, "journal");
  const options = { logBytesMax: 100_000 };
  const { journal, recovered } = await openJournal(dataDir, options);
  const store = openStore({ journal, initial: recovered });
  const names = (): Promise<string[]> => readdir(join(dataDir, "store"));
  const write = async (count: number): Promise<void> => {
    for (let index = 0; index < count; index++) {
      put(store, `o${index % 200}`);
      await store.durable();
    }
  };
  await write(200);
  const untilSnapshot = async (): Promise<boolean> => {
    for (let tries = 0; tries < 200; tries++) {
      const there = await names();
      if (there.length === 2 && there.some((name) => name.startsWith("snapshot-"))) return true;
      // Refused until the journal has tried again.
      await write(10).catch(() => undefined);
      await sleep(10);
    }
    return false;
  };
  await untilSnapshot();
  await fillDisk(160_000);
  let failure = "";
  await write(1_000).catch((error: unknown) => (failure = String(error)));
  const namesWhenFull = (await names()).sort();
  await rm(filler);
  const isCleanedUp = await untilSnapshot();
  const before = store.list("t").map(({ metadata }) => metadata.resourceVersion);
  await store.close();
  const again = await openJournal(dataDir, options);
  const after = openStore({ journal: again.journal, initial: again.recovered });
  const isSame =
    JSON.stringify(after.list("t").map(({ metadata }) => metadata.resourceVersion)) === JSON.stringify(before);
  await after.close();
  return {
    failure,
    logsWhenFull: namesWhenFull.filter((name) => name.startsWith("log-")).length,
    halfSnapshots: namesWhenFull.filter((name) => name.endsWith(".new")).length,
    isCleanedUp,
    isSame,
  };
}

const server = await serverOnFullDisk();
for (const name of await readdir(disk)) await rm(join(disk, name), { recursive: true });
process.stdout.write(JSON.stringify({ server, snapshot: await snapshotOnFullDisk() }));
