import { request, type RequestOptions } from "node:https";
import type { ClientRequest, IncomingMessage } from "node:http";
import type { JsonObject } from "../src/api-server/api-object.ts";

/** What a server is reached by. */
export interface Access {
  readonly url: string;
  readonly adminToken: string;
  readonly caCert: string;
}

/** A watch as a client reads it, kept open. */
export interface WatchStream {
  readonly events: readonly JsonObject[];
  readonly isEnded: boolean;
  /** Resolves once `isThere`, asked after each event and at the end. @throws when the stream ends before */
  until(isThere: () => boolean): Promise<void>;
  close(): void;
}

const waitMsMax = 20_000;

/** Opens a watch. Resolves with its response's head. */
export async function openWatchStream(
  server: Access,
  path: string,
  options: RequestOptions = {},
): Promise<WatchStream> {
  const events: JsonObject[] = [];
  let isEnded = false;
  let wake: () => void = () => undefined;
  const { sent, response } = await send(server, path, options);
  let rest = "";
  response.setEncoding("utf8").on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) events.push(JSON.parse(line) as JsonObject);
    wake();
  });
  response.on("error", () => undefined);
  response.on("close", () => {
    isEnded = true;
    wake();
  });
  return {
    events,
    get isEnded() {
      return isEnded;
    },
    async until(isThere) {
      while (!isThere()) {
        if (isEnded) throw new Error(`the watch ended after ${JSON.stringify(events.at(-1))}`);
        await new Promise<void>((resolve, reject) => {
          const timer = setTimeout(
            () => reject(new Error(`nothing came after ${JSON.stringify(events.at(-1))}`)),
            waitMsMax,
          );
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    },
    close: () => sent.destroy(),
  };
}

function send(
  server: Access,
  path: string,
  options: RequestOptions,
): Promise<{ sent: ClientRequest; response: IncomingMessage }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${server.adminToken}` };
    const sent = request(`${server.url}${path}`, { ca: server.caCert, agent: false, ...options, headers });
    sent.on("response", (response) => resolve({ sent, response }));
    sent.on("error", reject);
    sent.end();
  });
}
