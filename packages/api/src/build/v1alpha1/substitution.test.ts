import { describe, expect, test } from "@jest/globals";
import type { BuildTemplateSpec } from "./build-template.types.ts";
import type { BuildSpec } from "./build.types.ts";
import type { Step } from "./step.types.ts";
import { resolveBuild } from "./substitution.ts";

const parameters = [{ name: "FOO" }, { name: "BAR", default: "bar" }, { name: "EMPTY", default: "" }];

function resolve(template: BuildTemplateSpec, instantiation: Partial<BuildSpec["template"]> = {}) {
  return resolveBuild({ template: { name: "t", ...instantiation } }, { parameters, ...template });
}

function text(given: string, values: Record<string, string> = { FOO: "foo" }): string {
  const args = Object.entries(values).map(([name, value]) => ({ name, value }));
  const { steps } = resolve({ steps: [{ image: "i", args: [given] }] }, { arguments: args });
  return steps[0]?.args?.[0] ?? "";
}

describe("one pass over the text", () => {
  test.each([
    ["${FOO}", "foo"],
    ["a${FOO}b${FOO}c", "afoobfooc"],
    ["${BAR}", "bar"],
    ["[${EMPTY}]", "[]"],
    ["$FOO", "$FOO"],
    ["$${FOO}", "$foo"],
    ["${FOO", "${FOO"],
    ["${foo}", "${foo}"],
    ["${ FOO }", "${ FOO }"],
    ["${NOBODY}", "${NOBODY}"],
    ["${FOO:-x}", "${FOO:-x}"],
    ["${X${BAR}}", "${Xbar}"],
  ])("%s -> %s", (given, want) => {
    expect(text(given)).toBe(want);
  });

  test("a value is never read as a template", () => {
    expect(text("${FOO}", { FOO: "${BAR}", BAR: "${FOO}" })).toBe("${BAR}");
    expect(text("${BAR}${FOO}", { FOO: "${BAR}", BAR: "${FOO}" })).toBe("${FOO}${BAR}");
    expect(text("${FOO}", { FOO: "$& $1 $$" })).toBe("$& $1 $$");
  });

  test("arguments win over defaults, the last one wins, and undeclared ones count", () => {
    expect(text("${BAR}", { BAR: "mine" })).toBe("mine");
    expect(text("${WILD}", { WILD: "west" })).toBe("west");
    expect(text("${a.b*}", { "a.b*": "signs" })).toBe("signs");
  });

  test("a parameter without a value stays as it stands", () => {
    expect(text("${FOO}", {})).toBe("${FOO}");
  });
});

test("where it is done, and where not", () => {
  const step: Step = {
    name: "${FOO}",
    image: "${FOO}",
    args: ["${FOO}"],
    command: ["${FOO}"],
    workingDir: "${FOO}",
    env: [
      { name: "${FOO}", value: "${FOO}" },
      { name: "B", valueFrom: { fieldRef: { fieldPath: "${FOO}" } } },
    ],
    envFrom: [{ configMapRef: { name: "${FOO}" } }],
    volumeMounts: [
      { name: "${FOO}", mountPath: "${FOO}", subPath: "${FOO}" },
      { name: "b", mountPath: "/b" },
    ],
    resources: { requests: { cpu: "${FOO}" } },
  };
  const volumes = [
    { name: "${FOO}", persistentVolumeClaim: { claimName: "${FOO}" } },
    { name: "c", configMap: { name: "${FOO}", items: [{ key: "${FOO}", path: "x" }] } },
    { name: "s", secret: { secretName: "${FOO}" } },
    { name: "h", hostPath: { path: "${FOO}" } },
  ];
  const resolved = resolve({ steps: [step], volumes }, { arguments: [{ name: "FOO", value: "foo" }] });
  expect(resolved.steps).toEqual([
    {
      name: "foo",
      image: "foo",
      args: ["foo"],
      command: ["foo"],
      workingDir: "foo",
      env: [
        { name: "${FOO}", value: "foo" },
        { name: "B", valueFrom: { fieldRef: { fieldPath: "${FOO}" } } },
      ],
      envFrom: [{ configMapRef: { name: "${FOO}" } }],
      volumeMounts: [
        { name: "foo", mountPath: "foo", subPath: "foo" },
        { name: "b", mountPath: "/b" },
      ],
      resources: { requests: { cpu: "${FOO}" } },
    },
  ]);
  expect(resolved.volumes).toEqual([
    { name: "foo", persistentVolumeClaim: { claimName: "foo" } },
    { name: "c", configMap: { name: "foo", items: [{ key: "${FOO}", path: "x" }] } },
    { name: "s", secret: { secretName: "foo" } },
    { name: "h", hostPath: { path: "${FOO}" } },
  ]);
});

test("the Build's variables replace the template's of the same name and come last", () => {
  const env = [
    { name: "A", value: "1" },
    { name: "B", value: "2" },
    { name: "C", value: "3" },
  ];
  const { steps } = resolve(
    { steps: [{ image: "i", env }, { image: "j" }] },
    {
      arguments: [{ name: "FOO", value: "foo" }],
      env: [
        { name: "B", value: "${FOO}" },
        { name: "D", value: "x" },
      ],
    },
  );
  const overrides = [
    { name: "B", value: "foo" },
    { name: "D", value: "x" },
  ];
  expect(steps[0]?.env).toEqual([env[0], env[2], ...overrides]);
  expect(steps[1]?.env).toEqual(overrides);
});

test("the Build's volumes come before the template's; its own steps are left alone", () => {
  const mine = { name: "mine", emptyDir: {} };
  const theirs = { name: "theirs", emptyDir: {} };
  expect(resolveBuild({ volumes: [mine], template: { name: "t" } }, { volumes: [theirs] }).volumes).toEqual([
    mine,
    theirs,
  ]);
  const steps = [{ image: "${IMAGE}" }];
  expect(resolveBuild({ steps, volumes: [mine] }, undefined)).toEqual({ steps, volumes: [mine], image: undefined });
});

test.each<[string, BuildSpec, BuildTemplateSpec, string | undefined]>([
  ["the Build's own", { image: "a" }, { image: "${X}" }, "a"],
  [
    "the template's, filled in",
    { template: { name: "t", arguments: [{ name: "X", value: "b" }] } },
    { image: "${X}" },
    "b",
  ],
  ["the parameter IMAGE", { template: { name: "t", arguments: [{ name: "IMAGE", value: "c" }] } }, {}, "c"],
  ["none", {}, {}, undefined],
])("the declared image is %s", (...[, spec, template, want]) => {
  expect(resolveBuild({ template: { name: "t" }, ...spec }, template).image).toBe(want);
});
