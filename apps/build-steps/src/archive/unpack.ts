import { createReadStream } from "node:fs";
import { open } from "node:fs/promises";
import { OciError, unpackLayer } from "@kelvin/oci";
import { StepFailure } from "../step-failure.ts";
import { howToRaiseLimits, spend } from "../workspace/limits.ts";
import type { Budget } from "../workspace/limits.ts";

/** How much an archive may grow by unpacking, once it is beyond 64 MiB. */
export const ratioMax = 400;

/** The longest path in an archive. */
export const pathBytesMax = 4096;

/** What an archive is, by its first bytes. */
export type ArchiveFormat = "zip" | "tar";

/** Tells a zip from a tar, compressed or not. @throws StepFailure when it is neither. */
export async function detectFormat(file: string): Promise<ArchiveFormat> {
  await using handle = await open(file);
  const head = Buffer.alloc(512);
  await handle.read(head, 0, head.length, 0);
  const starts = (...bytes: number[]): boolean => head.subarray(0, bytes.length).equals(Buffer.from(bytes));
  if (starts(0x50, 0x4b, 3, 4) || starts(0x50, 0x4b, 5, 6)) return "zip";
  const isTar = head.toString("latin1", 257, 262) === "ustar";
  if (isTar || starts(0x1f, 0x8b) || starts(0x28, 0xb5, 0x2f, 0xfd)) return "tar";
  throw new StepFailure("ArchiveInvalid", "the file is no zip, tar, tar.gz or tar.zst archive; give the URL of one");
}

/**
 * Unpacks an archive into an empty directory. Nothing is written outside it, whatever the archive says.
 *
 * @throws StepFailure for an archive that is broken, tries to leave, or grows beyond the budget.
 */
export async function unpackArchive(file: string, dir: string, budget: Budget): Promise<void> {
  const format = await detectFormat(file);
  if (format === "zip") {
    const { unpackZip } = await import("./zip.ts");
    await unpackZip(file, dir, budget);
    return;
  }
  const { limits, bytes, files } = budget;
  try {
    const report = await unpackLayer(createReadStream(file), dir, {
      owners: "self",
      isShared: true,
      limits: { bytesMax: limits.bytesMax - bytes, entriesMax: limits.filesMax - files, ratioMax, pathBytesMax },
    });
    spend(budget, report.bytes, report.entries);
  } catch (error) {
    throw explainUnpacking(error);
  }
}

/** What the unpacker of layers says, in the words of sources. */
export function explainUnpacking(error: unknown): unknown {
  if (!(error instanceof OciError)) return error;
  if (error.code === "TooLarge") {
    return new StepFailure("SourceTooLarge", `${error.message}; fetch less, or ${howToRaiseLimits}`, { cause: error });
  }
  if (error.code === "UnsafeContent") {
    return new StepFailure("ArchiveUnsafe", `${error.message}; make the archive anew without that`, { cause: error });
  }
  if (error.code === "InvalidContent") {
    return new StepFailure("ArchiveInvalid", `${error.message}; make the archive anew`, { cause: error });
  }
  return error;
}
