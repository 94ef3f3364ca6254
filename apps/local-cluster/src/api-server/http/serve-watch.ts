import type { ApiObject } from "../api-object.ts";
import { parseAccept } from "../reading/accept.ts";
import { presenter } from "../reading/present.ts";
import { parseSelectors } from "../reading/selectors.ts";
import { listObjects, watchObjects, type ObjectEvent } from "../registry/read.ts";
import type { Registry, RequestScope } from "../registry/request.ts";
import { apiVersionOf } from "../resource.ts";
import { invalid, StatusError, type Status } from "../status-error.ts";
import { notSupported, forbiddenField } from "../field-cause.ts";
import type { Exchange } from "./exchange.ts";
import { isSet } from "./request-info.ts";
import { selectorsOf } from "./selectors-of.ts";

/** The open watch streams of the server: a limit on their number, bookmarks, and their end at its shutdown. */
export interface Watches {
  /** @throws StatusError 429 when there are too many. */
  add(stream: WatchStream): () => void;
  /** What a stream may leave unsent, for a reader that is slow: the less, the more streams there are. */
  readonly bufferedBytesMax: number;
}

export interface WatchStream {
  bookmark(): void;
  end(): void;
}

const watchSecondsDefault = 1_800;
const initialEventsEnd = "k8s.io/initial-events-end";

interface WatchDeps {
  readonly registry: Registry;
  readonly watches: Watches;
}

/**
 * Streams changes until the client leaves, the asked time is over, or it reads too slowly: one JSON object a line.
 * What fails after the stream has begun is an ERROR event, and the stream ends.
 */
export function serveWatch(deps: WatchDeps, exchange: Exchange, scope: RequestScope): void {
  const { registry } = deps;
  const { query, response } = exchange;
  const { resource } = scope;
  const options = parseWatchOptions(query);
  parseSelectors(resource, selectorsOf(query));
  const present = presenter(exchange, resource, parseAccept(exchange.request.headers.accept));
  let isStarting = true;
  let initialBytes = 0;
  const write = (type: string, text: string): void => {
    response.write(`{"type":"${type}","object":${text}}\n`);
    // What the client asked for at the start comes at once, however much it is; nobody can read that fast.
    if (isStarting) initialBytes += Buffer.byteLength(text) + 100;
    // The client resumes from what it has seen; the writer must never wait for it.
    else if (response.writableLength > deps.watches.bufferedBytesMax + initialBytes) response.destroy();
  };
  const bookmark = (annotations?: Record<string, string>): void => {
    write("BOOKMARK", present(bookmarkOf(resource, registry.store.revision, annotations)));
  };
  const forget = deps.watches.add({
    bookmark: () => {
      if (options.allowsBookmarks) bookmark();
    },
    end: () => response.end(),
  });

  response.writeHead(200, { "Content-Type": "application/json", "Cache-Control": "no-cache, private" });
  response.flushHeaders();
  let stop: () => void = () => undefined;
  const timer = setTimeout(() => {
    if (options.allowsBookmarks) bookmark();
    response.end();
  }, options.timeoutSeconds * 1000);
  response.on("close", () => {
    stop();
    forget();
    clearTimeout(timer);
  });
  try {
    const resourceVersion = sendInitialEvents({ registry, scope, exchange }, { ...options, write, present, bookmark });
    const listener = (event: ObjectEvent): void => write(event.type, present(event.object));
    stop = watchObjects(registry, scope, { selectors: selectorsOf(query), resourceVersion, listener });
    isStarting = false;
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    write("ERROR", JSON.stringify(error.status satisfies Status));
    response.end();
  }
}

interface WatchParameters {
  readonly resourceVersion: string;
  readonly allowsBookmarks: boolean;
  /** A client that asks for initial events waits for the bookmark that ends them. */
  readonly sendsInitialEvents: boolean;
  readonly timeoutSeconds: number;
}

function parseWatchOptions(query: URLSearchParams): WatchParameters {
  const resourceVersion = query.get("resourceVersion") ?? "";
  const sendsInitialEvents = isSet(query.get("sendInitialEvents"));
  const match = query.get("resourceVersionMatch");
  const subject = { group: "meta.k8s.io", plural: "listoptions", kind: "ListOptions" };
  if (sendsInitialEvents && match !== "NotOlderThan") {
    throw invalid(subject, "", [notSupported("resourceVersionMatch", match ?? "", ["NotOlderThan"])]);
  }
  if (!query.has("sendInitialEvents") && match !== null && match !== "") {
    throw invalid(subject, "", [
      forbiddenField(
        "resourceVersionMatch",
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
      ),
    ]);
  }
  const timeoutSeconds = Number(query.get("timeoutSeconds") ?? "0");
  return {
    resourceVersion,
    sendsInitialEvents,
    allowsBookmarks: isSet(query.get("allowWatchBookmarks")),
    timeoutSeconds: timeoutSeconds > 0 ? Math.min(timeoutSeconds, 24 * 3600) : watchSecondsDefault,
  };
}

interface InitialEvents extends WatchParameters {
  write(type: string, text: string): void;
  present(object: ApiObject): string;
  bookmark(annotations?: Record<string, string>): void;
}

/** Sends what exists as ADDED where that was asked for, and returns the resourceVersion to go on from. */
function sendInitialEvents(
  { registry, scope, exchange }: { registry: Registry; scope: RequestScope; exchange: Exchange },
  initial: InitialEvents,
): string {
  const isFromNow = initial.resourceVersion === "" || initial.resourceVersion === "0";
  if (!isFromNow && !initial.sendsInitialEvents) return initial.resourceVersion;
  const list = listObjects(registry, scope, selectorsOf(exchange.query));
  for (const object of list.items) initial.write("ADDED", initial.present(object));
  if (initial.sendsInitialEvents) initial.bookmark({ [initialEventsEnd]: "true" });
  return list.resourceVersion;
}

function bookmarkOf(
  resource: RequestScope["resource"],
  revision: number,
  annotations?: Record<string, string>,
): ApiObject {
  return {
    kind: resource.kind,
    apiVersion: apiVersionOf(resource),
    metadata: { resourceVersion: String(revision), ...(annotations === undefined ? {} : { annotations }) },
  };
}
