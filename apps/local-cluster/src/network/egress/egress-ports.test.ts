import { expect, test } from "@jest/globals";
import { parseEgressPorts, usualPorts } from "./egress-ports.ts";

test("ports and ranges, each once", () => {
  expect(parseEgressPorts("443, 80-82,81")).toEqual([443, 80, 81, 82]);
  expect(parseEgressPorts(usualPorts)).toEqual(expect.arrayContaining([22, 80, 443, 5432, 6379, 9418, 8080]));
});

test("more than the usual ones", () => {
  expect(parseEgressPorts("usual,4333")).toEqual([...parseEgressPorts(usualPorts), 4333]);
});

test.each(["", "x", "0", "65536", "9-8", "1-2-3", "1-5000"])("%j is refused", (text) => {
  expect(() => parseEgressPorts(text)).toThrow("egress ports");
});
