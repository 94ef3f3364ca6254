import type { IncomingMessage, ServerResponse } from "node:http";
import { JournalWriteError } from "../../storage/journal.ts";
import { objectLengthMax, ObjectTooLargeError } from "../../storage/store.ts";
import { isRecord, type JsonObject } from "../api-object.ts";
import { findDuplicateFields } from "../fields/duplicate-fields.ts";
import type { User } from "../identity/user.ts";
import { bodyBytesMax, parseJsonText, parseYamlText, textOfBody } from "./parse-body.ts";
import type { Upgrade } from "./upgrades.ts";
import {
  badRequest,
  internalError,
  StatusError,
  tooLarge,
  unsupportedMediaType,
  unwritable,
  type Status,
} from "../status-error.ts";

/** One HTTP request with its answer. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly path: string;
  readonly query: URLSearchParams;
  /** Absent for the few paths that anybody may read. */
  readonly user: User | undefined;
  readonly warnings: string[];
  /** Present when the client asks for a WebSocket. */
  readonly upgrade?: Upgrade;
  /** Paths of fields that its JSON body has twice, once the body is read. */
  readonly duplicateFields: string[];
}

/** Reads the whole body. @throws StatusError 413 beyond the limit. */
export function readBody({ request }: Exchange): Promise<Buffer> {
  if (request.readableEnded) return Promise.resolve(Buffer.alloc(0));
  if (request.destroyed) return Promise.reject(clientLeft());
  // By its events: an iterator over a stream costs as much as half of all else that a small write costs.
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    request.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= bodyBytesMax) {
        chunks.push(chunk);
        return;
      }
      // What still comes is not read; the connection ends with the answer.
      request.pause();
      reject(tooLarge(bodyBytesMax));
    });
    request.once("end", () => resolve(Buffer.concat(chunks)));
    request.once("error", reject);
    // It comes behind the end as well, and an error is dear to make.
    request.once("close", () => {
      if (!request.readableEnded) reject(clientLeft());
    });
  });
}

function clientLeft(): Error {
  return new Error("the client left before its request was complete");
}

/** The media type of the body without its parameters. */
export function contentTypeOf({ request }: Exchange): string {
  return (request.headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
}

/**
 * Reads a JSON, YAML or protobuf body; `undefined` when it is empty.
 *
 * @throws StatusError 400 for what cannot be parsed, 415 for another media type.
 */
export async function readObjectBody(exchange: Exchange): Promise<unknown> {
  const type = contentTypeOf(exchange);
  const isProtobuf = type === "application/vnd.kubernetes.protobuf";
  const isYaml = type === "application/yaml" || type === "application/x-yaml" || type === "text/yaml";
  if (type !== "" && type !== "application/json" && !isYaml && !isProtobuf) throw unsupportedMediaType(supportedBodies);
  const body = await readBody(exchange);
  if (body.length === 0) return undefined;
  // Only Go's typed clients send it.
  if (isProtobuf) return (await import("../protobuf/decode-body.ts")).decodeProtobufBody(body);
  const text = textOfBody(body);
  if (isYaml) return parseYamlText(text);
  const value = parseJsonText(text);
  exchange.duplicateFields.push(...findDuplicateFields(text, value));
  return value;
}

const supportedBodies = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

/** Answers with a JSON document. */
export function sendJson(exchange: Exchange, code: number, body: JsonObject | Status): void {
  sendJsonText(exchange, code, { text: JSON.stringify(body), contentType: "application/json" });
}

/** Answers with the text of a JSON document. */
export function sendJsonText(exchange: Exchange, code: number, body: { text: string; contentType: string }): void {
  const { text, contentType } = body;
  const { response, warnings } = exchange;
  if (warnings.length > 0) response.setHeader("Warning", warnings.map(warningHeader));
  response.writeHead(code, {
    "Content-Type": contentType,
    "Content-Length": Buffer.byteLength(text),
    "Cache-Control": "no-cache, private",
  });
  response.end(exchange.request.method === "HEAD" ? undefined : text);
}

function warningHeader(text: string): string {
  const safe = text.replaceAll(/[^\u0020-\u007e]/g, " ").replaceAll(/["\\]/g, "\\$&");
  return `299 - "${safe}"`;
}

export function sendText(exchange: Exchange, code: number, text: string): void {
  exchange.response.writeHead(code, {
    "Content-Type": "text/plain; charset=utf-8",
    "Cache-Control": "no-cache, private",
  });
  exchange.response.end(text);
}

/** Answers with the Status of a failure; what is not one of ours is a 500. */
export function sendError(exchange: Exchange, error: unknown): void {
  const { response } = exchange;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  const { status } = statusErrorOf(error);
  const retryAfterSeconds = status.details?.retryAfterSeconds ?? 0;
  if (retryAfterSeconds > 0) response.setHeader("Retry-After", String(retryAfterSeconds));
  // What is left of a body that was too large is not read; the connection cannot be used again.
  if (status.code === 413) response.setHeader("Connection", "close");
  sendJson(exchange, status.code, status);
}

/** What a client is told of a failure; what is none of ours is a 500. */
export function statusErrorOf(error: unknown): StatusError {
  if (error instanceof StatusError) return error;
  if (error instanceof JournalWriteError) return unwritable(error.message, error);
  if (error instanceof ObjectTooLargeError) return tooLarge(objectLengthMax);
  return internalError(error instanceof Error ? error.message : String(error));
}

/** A parsed body that has to be an object, or nothing. */
export function optionalRecord(body: unknown): JsonObject {
  if (body === undefined) return {};
  if (!isRecord(body)) throw badRequest("the body of the request must be a JSON object");
  return body;
}
