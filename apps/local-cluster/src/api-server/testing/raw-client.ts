import { request } from "node:https";
import type { IncomingMessage } from "node:http";
import type { JsonObject } from "../api-object.ts";
import type { ApiServer } from "../open-api-server.ts";

export interface RawAnswer {
  readonly code: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly json: JsonObject;
}

export interface RawRequest {
  readonly body?: unknown;
  readonly contentType?: string;
  readonly accept?: string;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** Speaks HTTP to a server without any client library, to see exactly what is on the wire. Tests only. */
export interface RawClient {
  call(method: string, path: string, options?: RawRequest): Promise<RawAnswer>;
  /** Reads lines until `count` have come, or the stream ends. */
  lines(path: string, count: number, accept?: string): Promise<JsonObject[]>;
}

export function makeRawClient(server: Pick<ApiServer, "url" | "adminToken" | "caCert">): RawClient {
  const open = (method: string, path: string, options: RawRequest): Promise<IncomingMessage> =>
    new Promise((resolve, reject) => {
      const { body, contentType = "application/json", accept = "application/json" } = options;
      const token = "token" in options ? options.token : server.adminToken;
      const text = typeof body === "string" ? body : JSON.stringify(body);
      const sent = request(`${server.url}${path}`, {
        method,
        ca: server.caCert,
        headers: {
          accept,
          ...options.headers,
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { "content-type": contentType, "content-length": Buffer.byteLength(text) }),
        },
      });
      sent.on("response", resolve);
      sent.on("error", reject);
      sent.end(body === undefined ? undefined : text);
    });
  return {
    async call(method, path, options = {}) {
      const answer = await open(method, path, options);
      let text = "";
      for await (const chunk of answer) text += String(chunk);
      const isJson = (answer.headers["content-type"] ?? "").includes("json");
      return {
        code: answer.statusCode ?? 0,
        headers: answer.headers,
        text,
        json: isJson ? (JSON.parse(text) as JsonObject) : {},
      };
    },
    async lines(path, count, accept = "application/json") {
      const answer = await open("GET", path, { accept });
      const found: JsonObject[] = [];
      let rest = "";
      for await (const chunk of answer) {
        rest += String(chunk);
        const whole = rest.split("\n");
        rest = whole.pop() ?? "";
        found.push(...whole.map((line) => JSON.parse(line) as JsonObject));
        if (found.length >= count) break;
      }
      answer.destroy();
      return found;
    },
  };
}
