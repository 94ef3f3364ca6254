import { describe, expect, test } from "@jest/globals";
import { openAddressPool } from "./address-pool.ts";

describe("openAddressPool", () => {
  test("hands out addresses in order, across octets", () => {
    const pool = openAddressPool("10.44.0.254", "10.44.1.1");
    expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([
      "10.44.0.254",
      "10.44.0.255",
      "10.44.1.0",
      "10.44.1.1",
    ]);
  });

  test("does not hand out a released address before all others had their turn", () => {
    const pool = openAddressPool("10.44.0.2", "10.44.0.4");
    const first = pool.take();
    pool.release(first);
    expect([pool.take(), pool.take(), pool.take()]).toEqual(["10.44.0.3", "10.44.0.4", first]);
  });

  test("says when the range is used up", () => {
    const pool = openAddressPool("10.44.0.2", "10.44.0.2");
    pool.take();
    expect(() => pool.take()).toThrow("all 1 Pod addresses from 10.44.0.2 to 10.44.0.2 are in use");
  });
});
