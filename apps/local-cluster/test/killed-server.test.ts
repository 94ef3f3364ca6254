import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { recordAt, recordsAt, stringAt } from "../src/api-server/api-object.ts";
import type { RawAnswer } from "../src/api-server/testing/raw-client.ts";
import { startServerProcess, type ServerProcess } from "./server-process.ts";

const isLong = process.env["KELVIN_TEST_LONG"] === "1";
const lives = isLong ? 40 : 4;
const writers = 16;
const namesPerWriter = 4;
const path = "/api/v1/namespaces/default/configmaps";

let directory = "";
let server: ServerProcess | undefined;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "kelvin-killed-"));
});
afterEach(async () => {
  await server?.kill();
  await rm(directory, { recursive: true, force: true });
});

/** What clients know of one object: the last acknowledged write, and those asked for since. */
interface Known {
  acknowledged: { revision: number; value: string };
  attempted: Set<string>;
}

const absent = "(none)";

function revisionOf({ json }: RawAnswer): number {
  return Number(stringAt(json, "metadata", "resourceVersion"));
}

async function write({ client }: ServerProcess, name: string, { known, value }: { known: Known; value: string }) {
  known.attempted.add(value);
  const isRemoval = value === absent;
  const body = { metadata: { name }, data: { value } };
  const isThere = known.acknowledged.value !== absent || known.attempted.size > 1;
  let answer = await (isRemoval
    ? client.call("DELETE", `${path}/${name}`)
    : client.call(isThere ? "PUT" : "POST", isThere ? `${path}/${name}` : path, { body }));
  if (answer.code === 404 && !isRemoval) answer = await client.call("POST", path, { body });
  if (answer.code >= 300 && !(answer.code === 404 && isRemoval)) throw new Error(`${answer.code}: ${answer.text}`);
  known.attempted = new Set([value]);
  const revision = isRemoval ? known.acknowledged.revision : revisionOf(answer);
  expect(revision).toBeGreaterThanOrEqual(known.acknowledged.revision);
  known.acknowledged = { revision, value };
}

interface Writing {
  readonly all: Map<string, Known>;
  readonly onAcknowledged: () => void;
}

async function writeUntilKilled(process: ServerProcess, writer: number, { all, onAcknowledged }: Writing) {
  for (let count = 0; ; count++) {
    const name = `w${writer}-${count % namesPerWriter}`;
    const known = all.get(name) ?? { acknowledged: { revision: 0, value: absent }, attempted: new Set([absent]) };
    all.set(name, known);
    const value = count % 11 === 10 ? absent : `${process.pid}-${count}`;
    try {
      await write(process, name, { known, value });
      onAcknowledged();
    } catch (error) {
      // The server is gone; anything else would be its fault.
      if (stringAt(error, "code") !== "") return;
      throw error;
    }
  }
}

test(
  `a server killed under writes, ${lives} times, has every acknowledged write and never an older resourceVersion`,
  async () => {
    const all = new Map<string, Known>();
    let highest = 0;
    for (let life = 0; life < lives; life++) {
      const current = await startServerProcess(directory);
      server = current;
      const list = await current.client.call("GET", path);
      expect(revisionOf(list)).toBeGreaterThanOrEqual(highest);
      const found = new Map(recordsAt(list.json, "items").map((item) => [stringAt(item, "metadata", "name"), item]));
      for (const [name, known] of all) {
        const value = stringAt(recordAt(found.get(name), "data"), "value") || absent;
        expect([...known.attempted]).toContain(value);
        known.attempted = new Set([value]);
        known.acknowledged.value = value;
      }
      let left = 100 + 37 * (life % 7);
      let killed: Promise<void> | undefined;
      const onAcknowledged = (): void => {
        left -= 1;
        if (left === 0) killed = current.kill();
      };
      await Promise.all(
        Array.from({ length: writers }, (_, writer) => writeUntilKilled(current, writer, { all, onAcknowledged })),
      );
      await killed;
      for (const { acknowledged } of all.values()) highest = Math.max(highest, acknowledged.revision);
    }
  },
  lives * 5_000,
);
