import { expect, test } from "@jest/globals";
import { deployment, withSpec } from "@kelvin/testkit";
import { isCovered, mergeDeployment, withSpecHash } from "./drift.ts";

test.each([
  ["what the API server fills in", { a: 1 }, { a: 1, b: 2 }, true],
  ["another value", { a: 1 }, { a: 2 }, false],
  ["something that is not there", { a: { b: 1 } }, { a: {} }, false],
  ["another element of a list", [{ name: "x" }], [{ name: "x", protocol: "TCP" }, { name: "y" }], false],
  ["an element with defaults", [{ name: "x" }], [{ name: "x", protocol: "TCP" }], true],
  ["quantities as the API server writes them", { limits: { cpu: "0.5" } }, { limits: { cpu: "500m" } }, true],
  ["other quantities", { limits: { cpu: "0.5" } }, { limits: { cpu: "600m" } }, false],
  ["limits of another shape", { limits: { cpu: "1" } }, { limits: "1" }, false],
  ["an object in place of a text", { a: {} }, { a: "x" }, false],
])("%s", (...[, wanted, there, want]) => {
  expect(isCovered(wanted, there)).toBe(want);
});

test("what a bus does not say any more goes, and the number of replicas stays unless it is fixed", () => {
  const before = withSpecHash(deployment("d", withSpec({ replicas: 1, paused: true })));
  const scaled = { ...before, spec: { ...before.spec, replicas: 3 } } as typeof before;
  const wanted = withSpecHash(deployment("d", withSpec({ replicas: 1 })));
  expect(mergeDeployment(scaled, before, { isScaleFixed: false })).toBeUndefined();
  expect(mergeDeployment(scaled, before, { isScaleFixed: true })?.spec?.replicas).toBe(1);
  const merged = mergeDeployment(scaled, wanted, { isScaleFixed: false });
  expect([merged?.spec?.paused, merged?.spec?.replicas]).toEqual([undefined, 3]);
});
