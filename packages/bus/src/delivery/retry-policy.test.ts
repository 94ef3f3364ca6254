import { describe, expect, test } from "@jest/globals";
import { DEFAULT_RETRY_POLICY, parseRetryAfter, waitBeforeRetry, WAIT_MAX_MS } from "./retry-policy.ts";
import { judge } from "./verdict.ts";

describe("waitBeforeRetry", () => {
  const policy = { retry: 9, timeoutMs: 1, backoff: { policy: "linear", delayMs: 1_000 } } as const;
  const waits = (changed: object, numbers = [1, 2, 3, 4]): number[] =>
    numbers.map((number) => waitBeforeRetry({ ...policy, ...changed }, number, { random: 0 }));

  test("linear is n·delay, exponential delay·2ⁿ⁻¹, nothing without both fields", () => {
    expect(waits({})).toEqual([1_000, 2_000, 3_000, 4_000]);
    expect(waits({ backoff: { policy: "exponential", delayMs: 200 } })).toEqual([200, 400, 800, 1_600]);
    expect(waits({ backoff: undefined })).toEqual([0, 0, 0, 0]);
  });

  test("is bounded and jittered", () => {
    expect(waits({ backoff: { policy: "exponential", delayMs: 1_000 } }, [40, 2_000])).toEqual([
      WAIT_MAX_MS,
      WAIT_MAX_MS,
    ]);
    expect(waitBeforeRetry(policy, 1, { random: 0.5 })).toBe(1_050);
    expect(DEFAULT_RETRY_POLICY).toMatchObject({ retry: 10, backoff: { policy: "exponential", delayMs: 200 } });
  });

  test("Retry-After is obeyed up to its maximum, and not at all without one", () => {
    const hint = { retryAfterMs: 30_000, random: 0 };
    expect(waitBeforeRetry(policy, 1, hint)).toBe(1_000);
    expect(waitBeforeRetry({ ...policy, retryAfterMaxMs: 20_000 }, 1, hint)).toBe(20_000);
    expect(waitBeforeRetry({ ...policy, retryAfterMaxMs: 90_000 }, 1, hint)).toBe(30_000);
  });
});

test.each([
  ["120", 120_000],
  ["Thu, 01 Jan 1970 00:01:40 GMT", 99_000],
  ["Thu, 01 Jan 1970 00:00:00 GMT", 0],
  ["soon", undefined],
  ["-1", undefined],
  ["99999999999", undefined],
])("Retry-After: %s", (text, expected) => {
  expect(parseRetryAfter(text, 1_000)).toBe(expected);
});

test.each([
  [200, "delivered", false],
  [202, "delivered", false],
  [301, "reject", false],
  [307, "reject", false],
  [400, "reject", false],
  [401, "reject", false],
  [404, "retry", false],
  [408, "retry", false],
  [409, "retry", false],
  [413, "reject", false],
  [422, "reject", false],
  [429, "retry", true],
  [500, "retry", true],
  [503, "retry", true],
])("an answer of %i means %s", (status, kind, isDown) => {
  const verdict = judge({ kind: "answered", status, headers: ["Retry-After", "3"], body: Buffer.from("why") }, 0);
  expect(verdict).toMatchObject({ kind, isDown, code: status });
  expect(verdict.retryAfterMs).toBe(status === 429 || status === 503 ? 3_000 : undefined);
});

test("no answer is tried again, and the dead letter says 500", () => {
  const verdict = judge({ kind: "unanswered", reason: "refused" }, 0);
  expect(verdict).toMatchObject({ kind: "retry", isDown: true, code: 500 });
  expect(verdict.data.toString()).toBe("dispatch error: refused");
});
