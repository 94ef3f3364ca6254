import { keepHeaders, type KeptNames } from "./kept-headers.ts";

/** Headers that go on with an event, besides its own: what Knative passes through, of requests and of replies. */
const PASSED: KeptNames = {
  names: new Set(["x-request-id", "retry-after", "traceparent", "tracestate", "content-type"]),
  prefixes: ["ce-", "knative-", "x-b3-"],
};

/** Of headers (name, value, name, value) those that go on, with their names in lower case. */
export function passedHeaders(headers: readonly string[]): string[] {
  return keepHeaders(headers, PASSED);
}
