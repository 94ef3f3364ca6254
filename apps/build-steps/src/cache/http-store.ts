import { createReadStream } from "node:fs";
import { open, stat } from "node:fs/promises";
import { UsageError } from "../step-failure.ts";
import type { CacheStore } from "./cache-store.ts";

const textBytesMax = 1024 * 1024;
const timeoutMs = 10 * 60_000;

/** A store behind HTTP that takes PUT and gives GET, such as WebDAV or a bucket. How long it keeps what is its own affair. */
export function openHttpStore(endpoint: string, token: string | undefined, signal: AbortSignal): CacheStore {
  const base = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  if (base === undefined || !["http:", "https:"].includes(base.protocol)) {
    throw new UsageError(`--endpoint takes an http or https URL, got ${JSON.stringify(endpoint)}`);
  }
  const call = async (name: string, init: RequestInit): Promise<Response> => {
    const url = `${base.href.replace(/\/$/, "")}/${name.split("/").map(encodeURIComponent).join("/")}`;
    const headers = {
      ...(init.headers as Record<string, string>),
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    // A redirect would carry the entry, or the token, to somebody else.
    return await fetch(url, {
      ...init,
      headers,
      redirect: "error",
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
    });
  };
  const get = async (name: string): Promise<Response | undefined> => {
    const answer = await call(name, {});
    if (answer.ok) return answer;
    await answer.body?.cancel();
    if (answer.status === 404) return undefined;
    throw new Error(`the cache store answers HTTP ${answer.status}`);
  };
  const put = async (name: string, body: string | ReadableStream<Uint8Array>, bytes: number): Promise<void> => {
    const headers = { "content-length": String(bytes), "content-type": "application/octet-stream" };
    const answer = await call(name, { method: "PUT", body, headers, duplex: "half" });
    await answer.body?.cancel();
    if (!answer.ok) throw new Error(`the cache store answers HTTP ${answer.status} to what is to be kept`);
  };
  return {
    readText: async (name) => {
      const answer = await get(name);
      const chunks = answer === undefined ? undefined : await collect(answer, textBytesMax);
      return chunks?.toString();
    },
    readFile: async (name, to, bytesMax) => {
      const answer = await get(name);
      return answer !== undefined && (await save(answer, to, bytesMax));
    },
    writeText: async (name, text) => await put(name, text, Buffer.byteLength(text)),
    writeFile: async (name, from) => {
      const stream = createReadStream(from) as AsyncIterable<Uint8Array>;
      await put(name, ReadableStream.from(stream) as ReadableStream<Uint8Array>, (await stat(from)).size);
    },
    touch: async () => await Promise.resolve(),
    trim: async () => await Promise.resolve(),
  };
}

async function collect(answer: Response, bytesMax: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new Error("the cache store gives more than an entry can be");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

async function save(answer: Response, to: string, bytesMax: number): Promise<boolean> {
  await using handle = await open(to, "w", 0o600);
  let bytes = 0;
  for await (const chunk of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > bytesMax) return false;
    await handle.writeFile(chunk);
  }
  return true;
}
