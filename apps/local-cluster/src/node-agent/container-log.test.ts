import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { fakeClock } from "@kelvin/testkit";
import { type ContainerLog, openContainerLog } from "./container-log.ts";
import { type LogReadOptions, readLastLines, readLog } from "./log-reader.ts";

let directory = "";
let file = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "kelvin-log-"));
  file = join(directory, "app", "0.log");
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

const fail = (message: string, error: unknown): never => {
  throw new Error(message, { cause: error });
};

function open(bytesMax?: number): ContainerLog {
  return openContainerLog({ file, clock: fakeClock(), reportError: fail, ...(bytesMax !== undefined && { bytesMax }) });
}

async function write(log: ContainerLog, ...chunks: string[]): Promise<void> {
  const stream = new PassThrough();
  log.capture(stream, "stdout");
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await finished(stream);
}

async function read(options: LogReadOptions = {}, log?: ContainerLog): Promise<string> {
  const blocks: Buffer[] = [];
  for await (const block of readLog(file, log, options)) blocks.push(block);
  return Buffer.concat(blocks).toString();
}

describe("a container's log", () => {
  test("gives back what was written, however it was cut", async () => {
    const log = open();
    await write(log, "one\ntw", "o\n\nthree");
    log.close();
    expect(await read()).toBe("one\ntwo\n\nthree\n");
    expect(readFileSync(file, "utf8").split("\n")[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z stdout F one$/);
  });

  test("tails by whole lines", async () => {
    const log = open();
    await write(log, "1\n2\n3\n");
    expect(await read({ tailLines: 2 })).toBe("2\n3\n");
    expect(await read({ tailLines: 0 })).toBe("");
    expect(await read({ tailLines: 9 })).toBe("1\n2\n3\n");
  });

  test("keeps very long lines whole for the reader, with one timestamp", async () => {
    const long = "x".repeat(50_000);
    const log = open();
    await write(log, `${long}\nshort\n`);
    expect(await read()).toBe(`${long}\nshort\n`);
    expect(await read({ tailLines: 1 })).toBe("short\n");
    expect((await read({ timestamps: true })).match(/Z /g)).toHaveLength(2);
  });

  test("shows only what is young enough", async () => {
    const log = open();
    await write(log, "old\n");
    const afterwardsMs = fakeClock().now().getTime() + 1;
    expect(await read({ sinceMs: afterwardsMs })).toBe("");
    expect(await read({ sinceMs: afterwardsMs - 1 })).toBe("old\n");
  });

  test("is bounded: two files, the older one replaced", async () => {
    const log = open(1_000);
    for (let index = 0; index < 100; index += 1) await write(log, `line ${index} ${"y".repeat(50)}\n`);
    expect(statSync(file).size + statSync(`${file}.1`).size).toBeLessThan(2_300);
    expect(existsSync(`${file}.2`)).toBe(false);
    const text = await read();
    expect(text.endsWith(`line 99 ${"y".repeat(50)}\n`)).toBe(true);
    expect(text.startsWith("line ")).toBe(true);
  });

  test("can be followed across a rotation until the run ends", async () => {
    const log = open(300);
    await write(log, "first\n");
    const following = read({ follow: true }, log);
    for (let index = 0; index < 10; index += 1) {
      await write(log, `more ${index}\n`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    log.close();
    const text = await following;
    expect(text.startsWith("first\n")).toBe(true);
    expect(text.endsWith("more 9\n")).toBe(true);
  });

  test("ends a follow when the reader goes away", async () => {
    const log = open();
    await write(log, "only\n");
    const abort = new AbortController();
    const following = read({ follow: true, signal: abort.signal }, log);
    setImmediate(() => abort.abort());
    expect(await following).toBe("only\n");
  });

  test("gives its last lines for a termination message, at most so many bytes", async () => {
    const log = open();
    await write(log, "a\nb\nboom\n");
    expect(readLastLines(file, 2, 2_048)).toBe("b\nboom\n");
    expect(readLastLines(file, 80, 3)).toBe("om\n");
    expect(readLastLines(join(directory, "none"), 80, 3)).toBe("");
  });
});
