/** Headers that go on with an event, besides its own: what Knative passes through, of requests and of replies. */
const PASSED = new Set(["x-request-id", "retry-after", "traceparent", "tracestate", "content-type"]);
const PASSED_PREFIXES = ["ce-", "knative-", "x-b3-"] as const;

/** Of headers (name, value, name, value) those that go on, with their names in lower case. */
export function passedHeaders(headers: readonly string[]): string[] {
  const passed: string[] = [];
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = (headers[index] ?? "").toLowerCase();
    const isPassed = PASSED.has(name) || PASSED_PREFIXES.some((prefix) => name.startsWith(prefix));
    if (isPassed) passed.push(name, headers[index + 1] ?? "");
  }
  return passed;
}
