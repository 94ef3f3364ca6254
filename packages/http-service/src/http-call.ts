import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from "node:http";

// Not imported: an ES import of node:http evaluates its lazy exports, a WebSocket client among them (45 ms and 14 MB).
const http = process.getBuiltinModule("node:http");
const https = process.getBuiltinModule("node:https");

/** What to send, and how much to take for an answer. */
export interface HttpCall {
  /** Default GET. */
  readonly method?: "GET" | "HEAD" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** A longer answer is an error. */
  readonly bodyBytesMax: number;
}

/** An answer that was read to its end, whatever its status. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * One request to another service. Redirects are not followed, nothing is tried again.
 * @throws the signal's reason when it aborts; Error when the connection fails or the answer is too long.
 */
export async function callHttp(url: string | URL, call: HttpCall): Promise<HttpAnswer> {
  try {
    const answer = await send(new URL(url), call);
    return { status: answer.statusCode ?? 0, headers: answer.headers, body: await readBody(answer, call.bodyBytesMax) };
  } catch (error) {
    call.signal.throwIfAborted();
    throw error;
  }
}

function send(url: URL, { method = "GET", headers = {}, body, signal }: HttpCall): Promise<IncomingMessage> {
  const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
  const options: RequestOptions = { method, headers: { ...headers, ...length }, signal };
  return new Promise((resolve, reject) => {
    const request = (url.protocol === "https:" ? https : http).request(url, options, resolve);
    request.on("error", reject);
    request.end(body);
  });
}

async function readBody(answer: IncomingMessage, bodyBytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > bodyBytesMax) throw new Error(`the answer is longer than ${bodyBytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
