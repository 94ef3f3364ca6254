// What v0.1 let through, of requests and of answers.

/** The last two came after 2018; a trace goes on through a channel of that time, too. */
const FORWARDED = new Set(["content-type", "x-request-id", "traceparent", "tracestate"]);
const FORWARDED_PREFIXES = ["knative-", "ce-", "x-b3-", "x-ot-"] as const;

/** Of headers (name, value, name, value) those that go on: the first of each name, with the names in lower case. */
export function forwardableHeaders(headers: readonly string[]): string[] {
  const kept: string[] = [];
  const seen = new Set<string>();
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? "").toLowerCase();
    const isKept = FORWARDED.has(name) || FORWARDED_PREFIXES.some((prefix) => name.startsWith(prefix));
    if (!isKept || seen.has(name)) continue;
    seen.add(name);
    kept.push(name, headers[index + 1] ?? "");
  }
  return kept;
}

/** What an answer says of when to ask again: it goes on nowhere, and is heeded. */
export function retryAfterOf(headers: readonly string[]): string[] {
  const at = headers.findIndex((header, index) => index % 2 === 0 && header.toLowerCase() === "retry-after");
  return at === -1 ? [] : ["retry-after", headers[at + 1] ?? ""];
}
