import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import { promisify } from "node:util";

const run = promisify(execFile);
const programHeaderOfInterpreter = 3;
const headBytesMax = 64 * 1024;

/**
 * The shared libraries that a program needs, its loader among them, as absolute paths; none for a static one.
 * @throws Error naming the library that is missing, or what is no program for 64-bit Linux.
 */
export async function findLibraries(program: string): Promise<string[]> {
  const loader = await findLoader(program);
  if (loader === undefined) return [];
  // The loader tells by itself what it would load, without running anything; ldd is only a script around that.
  const { stdout } = await run(loader, ["--list", program], { env: {} });
  return [loader, ...parseLoaderList(stdout, program)];
}

/** Parses what `ld.so --list` prints. @throws Error naming a library that was not found. */
export function parseLoaderList(text: string, program: string): string[] {
  return text.split("\n").flatMap((line) => {
    const missing = /^\s*(\S+) => not found/.exec(line)?.[1];
    if (missing !== undefined) throw new Error(`${program} needs ${missing}, which is not installed`);
    // Without an arrow it is the loader itself, or the kernel's own vdso, which is no file.
    return /=> (\/\S+) \(0x/.exec(line)?.[1] ?? /^\s*(\/\S+) \(0x/.exec(line)?.[1] ?? [];
  });
}

async function findLoader(program: string): Promise<string | undefined> {
  const file = await open(program, "r");
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(headBytesMax), 0, headBytesMax, 0);
    return parseLoader(buffer.subarray(0, bytesRead), program);
  } finally {
    await file.close();
  }
}

/** The loader that an ELF file names in its head. @throws Error when it is no 64-bit little-endian ELF file. */
export function parseLoader(head: Buffer, program: string): string | undefined {
  if (head.length < 64 || head.readUInt32BE(0) !== 0x7f454c46 || head[4] !== 2 || head[5] !== 1) {
    throw new Error(`${program} is no program for 64-bit Linux`);
  }
  const [start, size, count] = [Number(head.readBigUInt64LE(32)), head.readUInt16LE(54), head.readUInt16LE(56)];
  for (let at = start; at < start + size * count && at + 56 <= head.length; at += size) {
    if (head.readUInt32LE(at) !== programHeaderOfInterpreter) continue;
    const offset = Number(head.readBigUInt64LE(at + 8));
    const length = Number(head.readBigUInt64LE(at + 32));
    return head.toString("utf8", offset, offset + length).replace(/\0.*$/s, "");
  }
  return undefined;
}
