import { createHash } from "node:crypto";
import type { Hash } from "node:crypto";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { errorCode, errorText } from "../error-code.ts";
import { StepFailure } from "../step-failure.ts";
import { tooLarge } from "../workspace/limits.ts";
import type { Limits } from "../workspace/limits.ts";
import type { Location } from "./location.ts";

/** How a file is downloaded. */
export interface DownloadOptions {
  readonly limits: Limits;
  /** After this long without a byte the server counts as unreachable. */
  readonly stallMs: number;
  /** The first of the delays between attempts, each twice the one before. */
  readonly retryDelayMs: number;
  readonly signal: AbortSignal;
}

/** What was downloaded. */
export interface Downloaded {
  readonly bytes: number;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly sha1: string;
}

const attemptsMax = 3;
const redirectsMax = 5;

/**
 * Downloads a file. Another attempt is made when the network or the server failed, but not when the server refused.
 *
 * @throws StepFailure saying what to change.
 */
export async function download(location: Location, file: string, options: DownloadOptions): Promise<Downloaded> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await downloadOnce(location, file, options);
    } catch (error) {
      const isPassing = error instanceof StepFailure && error.reason === "SourceUnreachable";
      if (!isPassing || attempt >= attemptsMax) throw error;
      await sleep(options.retryDelayMs * 2 ** (attempt - 1), undefined, { signal: options.signal });
    }
  }
}

async function downloadOnce(location: Location, file: string, options: DownloadOptions): Promise<Downloaded> {
  const stall = makeStallTimer(options);
  try {
    const body = await request(location, stall.signal);
    return await save(body, file, { ...options, touch: stall.touch });
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof StepFailure || errorCode(error) === "ENOSPC") throw error;
    throw new StepFailure(
      "SourceUnreachable",
      `${location.shown} cannot be reached (${describe(error)}); check the URL, the network and that the server is up`,
    );
  } finally {
    stall.stop();
  }
}

/** fetch says only that it failed; its cause says why. */
function describe(error: unknown): string {
  const cause = (error as { cause?: unknown } | undefined)?.cause;
  return cause === undefined ? errorText(error) : errorText(cause) || (errorCode(cause) ?? "no answer");
}

/** Follows redirects itself: whom the credentials are for is decided at each. */
async function request(location: Location, signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
  let url = location.url;
  for (let redirects = 0; ; redirects += 1) {
    const isOwn = url.origin === location.url.origin;
    const headers =
      isOwn && location.authorization !== undefined ? { authorization: location.authorization } : undefined;
    const answer = await fetch(url, { redirect: "manual", signal, ...(headers === undefined ? {} : { headers }) });
    const next = answer.headers.get("location");
    if (answer.status >= 300 && answer.status < 400 && next !== null) {
      await answer.body?.cancel();
      url = checkRedirect(new URL(next, url), { from: url, location, redirects });
      continue;
    }
    if (answer.status === 200 && answer.body !== null) return answer.body;
    await answer.body?.cancel();
    throw refused(location, answer.status);
  }
}

interface Redirect {
  readonly from: URL;
  readonly location: Location;
  readonly redirects: number;
}

function checkRedirect(to: URL, { from, location, redirects }: Redirect): URL {
  const isSafe = to.protocol === "https:" || (to.protocol === "http:" && from.protocol === "http:");
  if (isSafe && redirects < redirectsMax) return to;
  const why = isSafe ? `more than ${redirectsMax} times` : `to ${to.protocol}//${to.host}`;
  throw new StepFailure("SourceMoved", `${location.shown} redirects ${why}; give the URL of the file itself`);
}

function refused({ shown }: Location, status: number): StepFailure {
  if (status === 401 || status === 403) {
    return new StepFailure(
      "CredentialsRefused",
      `${shown} may not be read (HTTP ${status}); give credentials that may`,
    );
  }
  if (status === 404 || status === 410) {
    return new StepFailure("SourceNotFound", `there is nothing at ${shown} (HTTP ${status}); correct the URL`);
  }
  const reason = status === 408 || status === 429 || status >= 500 ? "SourceUnreachable" : "SourceRefused";
  return new StepFailure(reason, `${shown} was answered with HTTP ${status}; look at the server's log`);
}

async function save(
  body: AsyncIterable<Uint8Array>,
  file: string,
  { limits, touch }: DownloadOptions & { touch: () => void },
): Promise<Downloaded> {
  const hashes: readonly [Hash, Hash] = [createHash("sha256"), createHash("sha1")];
  let bytes = 0;
  await using handle = await open(file, "w", 0o600);
  for await (const chunk of body) {
    touch();
    bytes += chunk.length;
    if (bytes > limits.bytesMax) throw tooLarge(limits);
    for (const hash of hashes) hash.update(chunk);
    await handle.writeFile(chunk);
  }
  return { bytes, sha256: hashes[0].digest("hex"), sha1: hashes[1].digest("hex") };
}

interface StallTimer {
  readonly signal: AbortSignal;
  readonly touch: () => void;
  readonly stop: () => void;
}

function makeStallTimer({ stallMs, signal }: DownloadOptions): StallTimer {
  const stalled = new AbortController();
  const expire = (): void => stalled.abort(new Error(`no byte in ${stallMs / 1000} s`));
  const timer = setTimeout(expire, stallMs);
  return {
    signal: AbortSignal.any([signal, stalled.signal]),
    touch: () => void timer.refresh(),
    stop: () => clearTimeout(timer),
  };
}
