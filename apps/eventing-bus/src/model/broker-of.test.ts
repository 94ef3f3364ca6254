import { expect, test } from "@jest/globals";
import type { Trigger } from "@kelvin/api/eventing/v1/kinds";
import { brokerKeyOf } from "./broker-of.ts";

const key = { namespace: "shop", name: "orders" };

test.each([
  [{ broker: "orders" }, key],
  [{ brokerRef: { name: "orders" } }, key],
  [{ brokerRef: { name: "orders", namespace: "shop" } }, key],
  [{ brokerRef: { name: "orders", namespace: "bank" } }, undefined],
  [{}, undefined],
  [{ brokerRef: {} }, undefined],
] as [Trigger["spec"], typeof key | undefined][])("the Broker of %j", (spec, want) => {
  expect(brokerKeyOf({ metadata: { namespace: "shop", name: "t" }, spec })).toEqual(want);
});
