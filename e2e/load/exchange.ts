import { type Agent, request } from "node:http";
import type { LoadTarget } from "./target.ts";

export interface Exchange {
  readonly path: string;
  readonly method?: "GET" | "POST";
  readonly body?: Buffer;
  /** False: a connection of its own, closed afterwards. */
  readonly agent: Agent | false;
}

/**
 * Makes one request and resolves with the whole body of its answer.
 *
 * Rejects, with the cause as message, for any status that is no success, a reset, a body that ends before it should, a
 * close without an answer, and silence for longer than the target's `timeoutMs`.
 */
export function exchange(target: LoadTarget, { path, method = "GET", body, agent }: Exchange): Promise<Buffer> {
  const { host, port, hostHeader, timeoutMs } = target;
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { "content-length": body.length };
    const headers = { host: hostHeader, ...length };
    const parts: Buffer[] = [];
    let hasBegun = false;
    const fail = (error: Error): void => {
      const bytes = parts.reduce((sum, part) => sum + part.length, 0);
      reject(new Error(hasBegun ? `short body: ended after ${bytes} bytes (${describe(error)})` : describe(error)));
    };
    const outgoing = request({ host, port, path, method, agent, headers, timeout: timeoutMs }, (response) => {
      hasBegun = true;
      response.on("data", (part: Buffer) => parts.push(part));
      response.once("error", fail);
      response.once("end", () => {
        const { statusCode = 0 } = response;
        const text = Buffer.concat(parts);
        if (statusCode >= 200 && statusCode < 300) resolve(text);
        else reject(new Error(`status ${statusCode}: ${text.toString("utf8", 0, 200).trim()}`));
      });
    });
    outgoing.once("timeout", () => outgoing.destroy(new Error(`nothing came for ${timeoutMs} ms`)));
    outgoing.once("error", fail);
    outgoing.end(body);
  });
}

function describe(error: Error): string {
  return "code" in error && typeof error.code === "string" ? `${error.code}: ${error.message}` : error.message;
}
