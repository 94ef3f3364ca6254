import { describe, expect, test } from "@jest/globals";
import { parseEventingFeatures } from "../eventing/config/features-config.ts";
import { fieldErrorText, fieldWarningTexts } from "../meta/field-error.ts";
import {
  deliveryMsMax,
  formatOf,
  retryPolicyDefault,
  retryPolicyOf,
  subscriptionDelivery,
  triggerDelivery,
  type RetryPolicy,
} from "./delivery.ts";
import type { DeliverySpec } from "./destination.types.ts";
import { validateDelivery } from "./destination.validation.ts";

const none: RetryPolicy = { retry: 0, backoff: undefined, timeoutMs: 30_000 };

describe("the retry policy of", () => {
  test.each([
    [undefined, { retry: 10, backoff: { policy: "exponential", delayMs: 200 }, timeoutMs: 30_000 }],
    [{}, none],
    [{ deadLetterSink: { uri: "http://dls" } }, none],
    [{ retry: 3 }, { ...none, retry: 3 }],
    [{ retry: -3 }, none],
    // Both or neither, as in Knative.
    [
      { retry: 3, backoffPolicy: "linear" },
      { ...none, retry: 3 },
    ],
    [
      { retry: 3, backoffDelay: "PT1S" },
      { ...none, retry: 3 },
    ],
    [
      { retry: 3, backoffPolicy: "linear", backoffDelay: "PT1S" },
      { ...none, retry: 3, backoff: { policy: "linear", delayMs: 1_000 } },
    ],
    [
      { retry: 3, backoffPolicy: "exponential", backoffDelay: "PT0.5S", timeout: "PT2M" },
      { retry: 3, backoff: { policy: "exponential", delayMs: 500 }, timeoutMs: 120_000 },
    ],
    [{ retryAfterMax: "PT2M" }, { ...none, retryAfterMaxMs: 120_000 }],
    [{ retryAfterMax: "PT0S" }, { ...none, retryAfterMaxMs: 0 }],
    // Node's timers end at 2³¹ ms: what is longer would be no wait at all.
    [{ timeout: "P1M" }, { ...none, timeoutMs: deliveryMsMax }],
    [
      { backoffPolicy: "linear", backoffDelay: "P100Y", retryAfterMax: "P1Y" },
      { ...none, backoff: { policy: "linear", delayMs: deliveryMsMax }, retryAfterMaxMs: deliveryMsMax },
    ],
    // What was stored without admission.
    [{ timeout: "PT0S" }, none],
    [{ timeout: "soon", backoffPolicy: "linear", backoffDelay: "5s", retryAfterMax: "-PT1S" }, none],
    [{ backoffPolicy: "cubic", backoffDelay: "PT1S" }, none],
  ] as [DeliverySpec | undefined, RetryPolicy][])("%j", (spec, want) => {
    expect(retryPolicyOf(spec)).toEqual(want);
  });

  test("every policy is one that the engine can keep", () => {
    expect(retryPolicyOf(undefined)).toBe(retryPolicyDefault);
    expect(deliveryMsMax).toBeLessThan(2 ** 31);
  });
});

test.each([
  [undefined, undefined],
  [{}, undefined],
  [{ format: "json" }, "structured"],
  [{ format: "binary" }, "binary"],
])("the format of %j is %s", (spec, want) => {
  expect(formatOf(spec)).toBe(want);
});

describe("inheritance", () => {
  const sink = { deadLetterSink: { uri: "http://a" } };
  const retry = { retry: 5 };
  test("a Trigger's delivery replaces its Broker's as a whole", () => {
    expect(triggerDelivery(undefined, sink)).toBe(sink);
    expect(triggerDelivery(retry, { ...sink, retry: 2, timeout: "PT1S" })).toEqual(retry);
    expect(triggerDelivery({}, sink)).toEqual({});
    expect(triggerDelivery(undefined, undefined)).toBeUndefined();
  });

  test("a Subscription has the channel's dead-letter sink, whatever else it says", () => {
    const channel = { ...sink, retry: 2, timeout: "PT1S" };
    expect(subscriptionDelivery(undefined, channel)).toBe(channel);
    expect(subscriptionDelivery(retry, channel)).toEqual({ ...retry, ...sink });
    expect(subscriptionDelivery({ deadLetterSink: { uri: "http://b" } }, channel)).toEqual({
      deadLetterSink: { uri: "http://b" },
    });
    expect(subscriptionDelivery(retry, retry)).toEqual(retry);
    expect(subscriptionDelivery(undefined, undefined)).toBeUndefined();
  });
});

describe("validation of", () => {
  const features = parseEventingFeatures();
  const all = parseEventingFeatures({ "delivery-retryafter": "enabled" });
  const duration = "is not an ISO 8601 duration such as PT0.2S or PT1M30S";
  test.each([
    [{ retry: 0, timeout: "PT1S", backoffPolicy: "linear", backoffDelay: "PT0S", format: "json" }, ""],
    [{ retry: -1 }, "invalid value: -1: retry"],
    [{ timeout: "PT0S" }, "invalid value: PT0S: timeout\nmust be at least PT0.1S"],
    [{ timeout: "PT0.05S" }, "invalid value: PT0.05S: timeout\nmust be at least PT0.1S"],
    [{ timeout: "-PT1S" }, "invalid value: -PT1S: timeout\nmust not be negative"],
    [{ timeout: "5s" }, `invalid value: 5s: timeout\n"5s" ${duration}`],
    [{ backoffDelay: "" }, `invalid value: : backoffDelay\n"" ${duration}`],
    [{ backoffPolicy: "cubic" }, "invalid value: cubic: backoffPolicy\nmust be one of linear, exponential"],
    [{ format: "xml" }, "invalid value: xml: format\nmust be one of json, binary"],
    [{ retryAfterMax: "PT1S" }, "must not set the field(s): retryAfterMax"],
    [{ deadLetterSink: {} }, "expected at least one, got none: deadLetterSink.ref, deadLetterSink.uri"],
  ] as [DeliverySpec, string][])("%j", (spec, want) => {
    expect(fieldErrorText(validateDelivery(spec, features))).toBe(want);
  });

  test("what features decide", () => {
    expect(validateDelivery({ retryAfterMax: "PT0S" }, all)).toEqual([]);
    expect(fieldErrorText(validateDelivery({ retryAfterMax: "-PT1S" }, all))).toMatch(/^invalid value: -PT1S/);
    const off = parseEventingFeatures({ "delivery-timeout": "disabled" });
    expect(fieldErrorText(validateDelivery({ timeout: "PT1S" }, off))).toBe("must not set the field(s): timeout");
  });

  test("what is read otherwise than written is a warning", () => {
    const spec = { timeout: "P2D", backoffDelay: "PT0.25S" };
    expect(fieldErrorText(validateDelivery(spec, features))).toBe("");
    expect(fieldWarningTexts(validateDelivery(spec, features))).toEqual([
      "P2D is read as P1D, the longest there is: timeout",
      "PT0.25S is read to its first decimal: 200 ms: backoffDelay",
    ]);
  });
});
