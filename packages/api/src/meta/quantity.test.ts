import { expect, test } from "@jest/globals";
import { compareQuantities, isQuantity, parseQuantity, quantityErrorText } from "./quantity.ts";

test.each([
  ["250m", 0.25],
  ["1", 1],
  [2, 2],
  ["1.5Gi", 1.5 * 2 ** 30],
  ["100M", 1e8],
  ["1e3", 1000],
  ["1E", 1e18],
  ["1E3", 1000],
  ["-1k", -1000],
  [".5", 0.5],
])("parses %s", (quantity, want) => {
  expect(parseQuantity(quantity)).toBe(want);
});

test.each(["", "1 Gi", "1gi", "Mi", "50mx", "0x10", "1.2.3"])("refuses %p", (quantity) => {
  expect(isQuantity(quantity)).toBe(false);
  expect(() => parseQuantity(quantity)).toThrow(quantityErrorText);
});

test("compares by value", () => {
  expect(compareQuantities("1000m", "1")).toBe(0);
  expect(compareQuantities("1Gi", "1G")).toBeGreaterThan(0);
  expect(compareQuantities(1, "1500m")).toBeLessThan(0);
});
