import { keepHeaders, type KeptNames } from "./kept-headers.ts";

// What v0.1 let through, of requests and of answers.

/** The last two names came after 2018; a trace goes on through a channel of that time, too. */
const FORWARDED: KeptNames = {
  names: new Set(["content-type", "x-request-id", "traceparent", "tracestate"]),
  prefixes: ["knative-", "ce-", "x-b3-", "x-ot-"],
};

/** Of headers (name, value, name, value) those that go on: the first of each name, with the names in lower case. */
export function forwardableHeaders(headers: readonly string[]): string[] {
  const kept = keepHeaders(headers, FORWARDED);
  const first = new Map<string, string>();
  for (let index = 0; index < kept.length; index += 2) {
    const [name = "", value = ""] = kept.slice(index, index + 2);
    if (!first.has(name)) first.set(name, value);
  }
  return [...first].flat();
}

/** What an answer says of when to ask again: it goes on nowhere, and is heeded. */
export function retryAfterOf(headers: readonly string[]): string[] {
  const at = headers.findIndex((header, index) => index % 2 === 0 && header.toLowerCase() === "retry-after");
  return at === -1 ? [] : ["retry-after", headers[at + 1] ?? ""];
}
