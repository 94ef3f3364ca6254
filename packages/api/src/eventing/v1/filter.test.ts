import { describe, expect, test } from "@jest/globals";
import { fieldErrorText, viaField } from "../../meta/field-error.ts";
import { compileFilters } from "./filter.compile.ts";
import type { SubscriptionsAPIFilter, TriggerFilter } from "./filter.types.ts";
import { filterLimits, validateAttributeFilter, validateFilters } from "./filter.validation.ts";

interface Spec {
  filter?: TriggerFilter;
  filters?: SubscriptionsAPIFilter[];
}

const event = new Map([
  ["id", "1"],
  ["type", "com.shop.order.paid"],
  ["source", "/shop/eu"],
  ["priority", "10"],
]);
const matches = (spec: Spec): boolean => compileFilters(spec).matches((name) => event.get(name));
const typesOf = (spec: Spec): string[] | undefined => {
  const { types } = compileFilters(spec);
  return types === undefined ? undefined : [...types];
};
const one = (filter: SubscriptionsAPIFilter): Spec => ({ filters: [filter] });
const paid = "com.shop.order.paid";

describe("filter.attributes", () => {
  test.each([
    [{}, true],
    [{ type: paid }, true],
    [{ type: "com.shop.order" }, false],
    [{ type: "" }, true],
    [{ subject: "" }, false],
    [{ subject: "x" }, false],
    [{ type: paid, source: "/shop/eu" }, true],
    [{ type: paid, source: "/shop/us" }, false],
    // A number in a structured event equals its text, in both generations of filters.
    [{ priority: "10" }, true],
  ] as [Record<string, string>, boolean][])("%j → %s", (attributes, want) => {
    expect(matches({ filter: { attributes } })).toBe(want);
  });

  test("nothing said is everything wanted", () => {
    expect(matches({})).toBe(true);
    expect(matches({ filter: {}, filters: [] })).toBe(true);
  });
});

describe("filters", () => {
  test.each([
    [{ exact: { type: paid } }, true],
    [{ exact: { type: "com.shop" } }, false],
    [{ exact: { type: paid, source: "/shop/us" } }, false],
    [{ exact: { subject: "x" } }, false],
    [{ exact: { priority: "10" } }, true],
    [{ prefix: { type: "com.shop." } }, true],
    [{ prefix: { type: "com.shop.", source: "/x" } }, false],
    [{ prefix: { subject: "a" } }, false],
    [{ suffix: { type: ".paid" } }, true],
    [{ suffix: { type: "paid.", source: "eu" } }, false],
    [{ suffix: { subject: "a" } }, false],
    [{ all: [{ prefix: { type: "com." } }, { suffix: { type: ".paid" } }] }, true],
    [{ all: [{ prefix: { type: "com." } }, { suffix: { type: ".sent" } }] }, false],
    [{ any: [{ exact: { type: "other" } }, { suffix: { source: "eu" } }] }, true],
    [{ any: [{ exact: { type: "other" } }, { suffix: { source: "us" } }] }, false],
    [{ not: { exact: { type: "other" } } }, true],
    [{ not: { prefix: { type: "com." } } }, false],
    // What is not there is not equal.
    [{ not: { exact: { subject: "x" } } }, true],
    [{ not: { not: { exact: { subject: "x" } } } }, false],
    [{ not: { any: [{ exact: { type: "a" } }, { all: [{ exact: { id: "2" } }] }] } }, true],
    // Empty ones beside it count as absent.
    [{ exact: {}, all: [], any: [], prefix: { type: "com" }, cesql: "" }, true],
  ] as [SubscriptionsAPIFilter, boolean][])("%j → %s", (filter, want) => {
    expect(fieldErrorText(validateFilters([filter]))).toBe("");
    expect(matches(one(filter))).toBe(want);
  });

  test("all of the list must match", () => {
    expect(matches({ filters: [{ prefix: { type: "com." } }, { exact: { id: "1" } }] })).toBe(true);
    expect(matches({ filters: [{ prefix: { type: "com." } }, { exact: { id: "2" } }] })).toBe(false);
  });

  test("stand in place of filter, not beside it", () => {
    expect(matches({ filter: { attributes: { type: "other" } }, filters: [{ exact: { type: paid } }] })).toBe(true);
    expect(matches({ filter: { attributes: { type: paid } }, filters: [{ exact: { type: "other" } }] })).toBe(false);
  });
});

describe("the exact types that can match", () => {
  test.each([
    [{}, undefined],
    [{ filter: { attributes: { type: "a" } } }, ["a"]],
    [{ filter: { attributes: { type: "" } } }, undefined],
    [{ filter: { attributes: { source: "a" } } }, undefined],
    [one({ exact: { type: "a", source: "s" } }), ["a"]],
    [one({ exact: { source: "s" } }), undefined],
    [one({ prefix: { type: "a" } }), undefined],
    [one({ suffix: { type: "a" } }), undefined],
    [one({ not: { exact: { type: "a" } } }), undefined],
    [one({ any: [{ exact: { type: "a" } }, { exact: { type: "b" } }] }), ["a", "b"]],
    [one({ any: [{ exact: { type: "a" } }, { prefix: { type: "b" } }] }), undefined],
    [one({ all: [{ exact: { type: "a" } }, { prefix: { source: "b" } }] }), ["a"]],
    [one({ all: [{ exact: { type: "a" } }, { exact: { type: "b" } }] }), []],
    [{ filters: [{ any: [{ exact: { type: "a" } }, { exact: { type: "b" } }] }, { exact: { type: "b" } }] }, ["b"]],
    [{ filter: { attributes: { type: "a" } }, filters: [{ prefix: { source: "s" } }] }, undefined],
  ] as [Spec, string[] | undefined][])("%j → %j", (spec, want) => {
    expect(typesOf(spec)).toEqual(want);
  });
});

const deep = (depth: number): SubscriptionsAPIFilter =>
  depth === 1 ? { exact: { type: "a" } } : { not: deep(depth - 1) };
const attributeRule = "Attribute name must start with a letter and can only contain lowercase alphanumeric";
const emptyRule = "a value must not be empty; only spec.filter.attributes has that for any";
const dialects = "set one of exact, prefix, suffix, all, any, not";

describe("what cannot be compiled is refused, and matches nothing", () => {
  test.each([
    [{}, `no dialect found: filters[0]\n${dialects}`],
    [{ exact: {} }, `no dialect found: filters[0]\n${dialects}`],
    [{ all: [] }, `no dialect found: filters[0]\n${dialects}`],
    [{ not: {} }, `no dialect found: filters[0]\n${dialects}`],
    [{ all: [{}] }, `no dialect found: filters[0].all[0]\n${dialects}`],
    [{ exact: { type: "" } }, `missing field(s): filters[0].exact[type]\n${emptyRule}`],
    [{ not: { prefix: { type: "" } } }, `missing field(s): filters[0].not.prefix[type]\n${emptyRule}`],
    [
      { exact: { type: "a" }, prefix: { type: "a" } },
      "multiple dialects found, filters can have only one dialect set: filters[0]",
    ],
    [
      { any: [{ not: { exact: { id: "a" } }, suffix: { id: "a" } }] },
      "multiple dialects found, filters can have only one dialect set: filters[0].any[0]",
    ],
    [{ exact: { Type: "a" } }, `invalid key name "Type": filters[0].exact[Type]\n${attributeRule}`],
    [{ suffix: { "my-ext": "a" } }, `invalid key name "my-ext": filters[0].suffix[my-ext]\n${attributeRule}`],
    [
      { cesql: "type = 'a'" },
      "must not set the field(s): filters[0].cesql\nCloudEvents SQL is not served; say it with exact, prefix, suffix, all, any and not",
    ],
    // Knative's API server would drop the misspelt field, and everything would match.
    [{ not: { exakt: { type: "a" } } }, "must not set the field(s): filters[0].not.exakt"],
    [{ all: [{ exact: { type: 5 } }] }, "must be of type string, was integer: filters[0].all[0].exact.type"],
    [{ all: ["x"] }, "must be of type object, was string: filters[0].all[0]"],
    [{ not: [] }, "must be of type object, was array: filters[0].not"],
  ] as [SubscriptionsAPIFilter, string][])("%j", (filter, want) => {
    expect(fieldErrorText(viaField(validateFilters([filter]), "filters"))).toBe(want);
    const compiled = compileFilters({ filters: [filter] });
    expect(compiled.problem).toBeDefined();
    expect(compiled.matches((name) => event.get(name))).toBe(false);
    expect([...(compiled.types ?? ["any"])]).toEqual([]);
  });

  test("attributes with names that are none", () => {
    const filter = { attributes: { "1st": "x" } };
    expect(fieldErrorText(viaField(validateAttributeFilter(filter), "filter"))).toBe(
      `invalid key name "1st": filter.attributes[1st]\n${attributeRule}`,
    );
    expect(matches({ filter })).toBe(false);
  });

  test("too deep, and too many", () => {
    expect(validateFilters([deep(filterLimits.depthMax)])).toEqual([]);
    expect(fieldErrorText(validateFilters([deep(filterLimits.depthMax + 1)]))).toMatch(/^nested deeper than 16 levels/);
    expect(fieldErrorText(validateFilters([deep(5_000)]))).toMatch(/^nested deeper than 16 levels/);
    const many = (count: number): SubscriptionsAPIFilter[] =>
      Array.from({ length: count }, () => ({ exact: { type: "a" } }));
    expect(validateFilters(many(filterLimits.countMax))).toEqual([]);
    expect(fieldErrorText(validateFilters([{ any: many(filterLimits.countMax) }]))).toBe(
      "expected 0 <= 257 <= 256: length",
    );
  });
});
