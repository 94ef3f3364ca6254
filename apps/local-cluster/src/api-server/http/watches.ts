import type { Clock } from "@kelvin/kube";
import { StatusError } from "../status-error.ts";
import type { Watches, WatchStream } from "./serve-watch.ts";

const watchesMax = 20_000;
const bookmarkIntervalMs = 60_000;
/** For one stream, and for all of them together. */
const streamBytesMax = 4 * 1024 * 1024;
const allBytesMax = 256 * 1024 * 1024;

export interface WatchPool extends Watches {
  /** Ends all streams and takes no more. */
  close(): void;
}

/** Keeps the open watch streams, and sends each a bookmark now and then so that a quiet one can resume. */
export function openWatchPool(clock: Clock): WatchPool {
  const streams = new Set<WatchStream>();
  let cancelBookmarks = clock.setTimer(sendBookmarks, bookmarkIntervalMs);
  function sendBookmarks(): void {
    for (const stream of streams) stream.bookmark();
    cancelBookmarks = clock.setTimer(sendBookmarks, bookmarkIntervalMs);
  }
  let isClosed = false;
  return {
    get bufferedBytesMax() {
      return Math.min(streamBytesMax, allBytesMax / Math.max(streams.size, 1));
    },
    add(stream) {
      if (isClosed) throw new StatusError(503, "ServiceUnavailable", { message: "the server is shutting down" });
      if (streams.size >= watchesMax) {
        throw new StatusError(429, "TooManyRequests", {
          message: `there are ${watchesMax} watches already, please try again later`,
          details: { retryAfterSeconds: 1 },
        });
      }
      streams.add(stream);
      return () => streams.delete(stream);
    },
    close() {
      isClosed = true;
      cancelBookmarks();
      for (const stream of streams) stream.end();
    },
  };
}
