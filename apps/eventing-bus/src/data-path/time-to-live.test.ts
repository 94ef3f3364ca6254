import { expect, test } from "@jest/globals";
import { decodeEvent } from "@kelvin/cloudevents";
import { isForbiddenAddress } from "./forbidden-address.ts";
import { nextTimeToLive } from "./time-to-live.ts";

test.each([
  [undefined, 255],
  ["255", 254],
  ["2", 1],
  ["1", undefined],
  ["0", undefined],
  ["-5", undefined],
  ["many", 255],
])("an event that says %s may pass through %s more brokers", (ttl, expected) => {
  const headers = ["ce-specversion", "1.0", "ce-id", "1", "ce-source", "/s", "ce-type", "t"];
  const event = decodeEvent([...headers, ...(ttl === undefined ? [] : ["ce-knativebrokerttl", ttl])], Buffer.alloc(0));
  expect(nextTimeToLive(event)).toBe(expected);
});

test.each([
  ["169.254.169.254", true],
  ["::ffff:169.254.169.254", true],
  ["fe80::1", true],
  ["fd00:ec2::254", true],
  ["0.0.0.0", true],
  ["::", true],
  ["224.0.0.1", true],
  ["127.0.0.1", false],
  ["10.1.2.3", false],
  ["2001:db8::1", false],
])("%s: forbidden as a subscriber: %s", (address, expected) => {
  expect(isForbiddenAddress(address)).toBe(expected);
});
