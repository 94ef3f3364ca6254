import { pack } from "tar-stream";
import type { Header } from "tar-stream";

/** An entry of an archive for a test; a file when nothing else is said. */
export type TestEntry = Partial<Header> & { name: string; content?: string };

/** An archive of these entries, whatever they say. */
export async function makeTar(entries: readonly TestEntry[]): Promise<Buffer> {
  const archive = pack();
  for (const { content = "", ...header } of entries) {
    const isFile = header.type === undefined || header.type === "file";
    if (isFile) archive.entry({ mtime: new Date(0), ...header, type: "file" }, content);
    else archive.entry({ mtime: new Date(0), ...header, size: 0 });
  }
  archive.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of archive as AsyncIterable<Uint8Array>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Bytes as they come from a network: in pieces that have nothing to do with what they mean. */
export async function* inPieces(bytes: Uint8Array, size = 1000): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
