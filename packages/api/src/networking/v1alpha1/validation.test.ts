import { describe, expect, test } from "@jest/globals";
import { fieldErrorText } from "../../meta/field-error.ts";
import { defaultIngress } from "./ingress.defaults.ts";
import type { Ingress, IngressSpec, IngressSplit } from "./ingress.types.ts";
import { validateIngress } from "./ingress.validation.ts";

const split: IngressSplit = { serviceName: "hello-00001", serviceNamespace: "default", servicePort: 80 };
const withSplits = (...splits: IngressSplit[]): IngressSpec => ({
  rules: [{ hosts: ["hello.default.localhost"], http: { paths: [{ splits }] } }],
});
const path = "spec.rules[0].http.paths[0]";

describe("Ingress", () => {
  const rows: [IngressSpec, string][] = [
    [{}, "missing field(s): spec"],
    [withSplits(split), ""],
    [withSplits({ ...split, percent: 30 }, { ...split, percent: 70 }), ""],
    [{ rules: [], httpOption: "Enabled" }, "missing field(s): spec.rules"],
    [{ rules: [{}] }, "missing field(s): spec.rules[0].http"],
    [{ rules: [{ http: {} }] }, "missing field(s): spec.rules[0].http.paths"],
    [{ rules: [{ http: { paths: [{}] } }] }, `missing field(s): ${path}.splits`],
    [
      withSplits({ ...split, percent: 30 }, { ...split, percent: 30 }),
      `traffic split percentage must total to 100, but was 60: ${path}.splits`,
    ],
    [
      withSplits({ ...split, percent: -1 }, { ...split, percent: 101 }),
      `invalid value: -1: ${path}.splits[0].percent\ninvalid value: 101: ${path}.splits[1].percent`,
    ],
    [
      withSplits({ ...split, serviceNamespace: "other" }),
      `service namespace must match ingress namespace: ${path}.splits[0].serviceNamespace`,
    ],
    [
      withSplits({}),
      `missing field(s): ${["serviceName", "serviceNamespace", "servicePort"].map((field) => `${path}.splits[0].${field}`).join(", ")}`,
    ],
    [{ ...withSplits(split), httpOption: "Off" }, "invalid value: Off: spec.httpOption"],
    [
      { ...withSplits(split), tls: [{ hosts: ["a"] }] },
      "missing field(s): spec.tls[0].secretName, spec.tls[0].secretNamespace",
    ],
  ];
  test.each(rows)("%j", (spec, want) => {
    const ingress: Ingress = { metadata: { name: "hello", namespace: "default" }, spec };
    defaultIngress(ingress);
    expect(fieldErrorText(validateIngress(ingress))).toBe(want);
  });
});
