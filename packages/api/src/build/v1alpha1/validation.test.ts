import { describe, expect, test } from "@jest/globals";
import { fieldErrorText } from "../../meta/field-error.ts";
import { defaultBuild } from "./build.defaults.ts";
import { validateBuildTemplate } from "./build-template.validation.ts";
import type { BuildTemplateSpec } from "./build-template.types.ts";
import type { Build, BuildSpec } from "./build.types.ts";
import { validateBuild } from "./build.validation.ts";
import { haveOverlap } from "./source.validation.ts";

const steps = [{ image: "busybox" }];

// What the webhook answers: defaults first, then validation.
function admit(spec: unknown, metadata: Build["metadata"] = { name: "hello" }): string {
  const build = { metadata, spec: structuredClone(spec) } as Build;
  defaultBuild(build);
  return fieldErrorText(validateBuild(build));
}

describe("defaults", () => {
  const defaulted = (spec: BuildSpec): BuildSpec => {
    const build: Build = { metadata: { name: "hello" }, spec: structuredClone(spec) };
    defaultBuild(build);
    const once = structuredClone(build.spec);
    defaultBuild(build);
    expect(build.spec).toEqual(once);
    return build.spec;
  };

  test.each<[string, BuildSpec, BuildSpec]>([
    ["fills in", { steps }, { steps, serviceAccountName: "default", timeout: "10m0s", Status: "" }],
    ["empty account", { serviceAccountName: "" }, { serviceAccountName: "default", timeout: "10m0s", Status: "" }],
    [
      "template's kind",
      { template: { name: "t" } },
      { template: { name: "t", kind: "BuildTemplate" }, serviceAccountName: "default", timeout: "10m0s", Status: "" },
    ],
    [
      "durations are written as Go does",
      { timeout: "90m", serviceAccountName: "a" },
      { timeout: "1h30m0s", serviceAccountName: "a", Status: "" },
    ],
    [
      "status in lower case wins over the stored spelling",
      { status: "BuildCancelled", Status: "", timeout: "0", serviceAccountName: "a" },
      { Status: "BuildCancelled", timeout: "0s", serviceAccountName: "a" },
    ],
  ])("%s", (_, given, want) => {
    expect(defaulted(given)).toEqual(want);
  });

  test("leave what has the wrong shape to validation", () => {
    expect(admit({ steps: "none" })).toBe("must be of type array, was string: spec.steps");
  });
});

describe("metadata", () => {
  test.each([
    ["a.b", "Invalid resource name: special character . must not be present: metadata.name"],
    ["a".repeat(64), "Invalid resource name: length must be no more than 63 characters: metadata.name"],
    [`${"a".repeat(64)}.b`, "Invalid resource name: special character . must not be present: metadata.name"],
    ["a".repeat(63), ""],
  ])("%s", (name, want) => {
    expect(admit({ steps }, { name })).toBe(want);
  });

  test("errors of name and spec are both told", () => {
    expect(admit({}, { name: "a.b" })).toBe(
      "Invalid resource name: special character . must not be present: metadata.name\n" +
        "expected exactly one, got neither: spec.steps, spec.template",
    );
  });
});

const custom = { image: "fetcher" };
const git = { url: "https://example.com/a.git", revision: "master" };
const volume = { name: "v", emptyDir: {} };

describe("spec", () => {
  test.each<[string, unknown, string]>([
    ["neither", {}, "expected exactly one, got neither: spec.steps, spec.template"],
    ["both", { steps, template: { name: "t" } }, "expected exactly one, got both: spec.steps, spec.template"],
    ["no template name", { template: {} }, "missing field(s): spec.template.name"],
    ["wrong kind", { template: { name: "t", kind: "Templ" } }, "invalid value: Templ: spec.template.kind"],
    ["no kind", { template: { name: "t" } }, ""],
    [
      "source and sources",
      { steps, source: { git }, sources: [{ git }] },
      "expected exactly one, got both: spec.source, spec.sources",
    ],
    [
      "equal names",
      {
        steps,
        sources: [
          { name: "a", git },
          { name: "a", git, targetPath: "x" },
        ],
      },
      "expected exactly one, got both: spec.sources.name",
    ],
    [
      "two without a name",
      { steps, sources: [{ git }, { git, targetPath: "x" }] },
      "expected exactly one, got both: spec.sources.name",
    ],
    [
      "two with subPath",
      {
        steps,
        sources: [
          { name: "a", git, subPath: "s" },
          { name: "b", git, subPath: "t", targetPath: "x" },
        ],
      },
      "expected exactly one, got both: spec.sources.subpath",
    ],
    [
      "two without targetPath",
      {
        steps,
        sources: [
          { name: "a", git },
          { name: "b", git },
        ],
      },
      "invalid value: Empty Target Path: spec.sources.targetPath",
    ],
    [
      "custom ones need none",
      {
        steps,
        sources: [
          { name: "a", git },
          { name: "b", custom },
          { name: "c", custom },
        ],
      },
      "",
    ],
    [
      "custom with targetPath",
      { steps, sources: [{ name: "a", custom, targetPath: "x" }] },
      "invalid value: x: spec.sources.targetPath",
    ],
    [
      "overlap",
      {
        steps,
        sources: [
          { name: "a", git, targetPath: "a/b" },
          { name: "b", git, targetPath: "/a" },
        ],
      },
      "Overlapping Target Paths: spec.sources.targetPath",
    ],
    ["over a day", { steps, timeout: "36h" }, "expected 0 <= 36h0m0s <= 24: spec.timeout"],
    ["below zero", { steps, timeout: "-1s" }, "expected 0 <= -1s <= 24: spec.timeout"],
    ["a day", { steps, timeout: "24h" }, ""],
    ["zero", { steps, timeout: "0s" }, ""],
    ["two volumes", { steps, volumes: [volume, volume] }, "expected exactly one, got both: spec.volumes.name"],
    ["no image", { steps: [{ name: "a" }] }, "missing field(s): spec.steps.Image"],
    [
      "two steps of one name",
      {
        steps: [
          { name: "a", image: "b" },
          { name: "a", image: "b" },
        ],
      },
      "expected exactly one, got both: spec.steps.name",
    ],
    ["two steps without", { steps: [{ image: "b" }, { image: "b" }] }, ""],
    [
      "several at once",
      { steps: [{}], volumes: [volume, volume], timeout: "25h", sources: [{ git }, { git }] },
      "expected 0 <= 25h0m0s <= 24: spec.timeout\n" +
        "expected exactly one, got both: spec.sources.name, spec.volumes.name\n" +
        "missing field(s): spec.steps.Image",
    ],
    [
      "a template hides all else",
      { template: { name: "t" }, timeout: "36h", volumes: [volume, volume], sources: [{ git }, { git }] },
      "",
    ],
    ["arguments that no parameter has", { template: { name: "t", arguments: [{ name: "x", value: "y" }] } }, ""],
  ])("%s", (_, spec, want) => {
    expect(admit(spec)).toBe(want);
  });
});

describe("what is ours", () => {
  test.each<[string, unknown, string]>([
    [
      "an option for a revision",
      { steps, source: { git: { ...git, revision: "--upload-pack=x" } } },
      "spec.source.git.revision",
    ],
    ["an option for a URL", { steps, source: { git: { ...git, url: "-x" } } }, "spec.source.git.url"],
    ["a remote helper", { steps, source: { git: { ...git, url: "ext::sh -c x" } } }, "spec.source.git.url"],
    ["a file", { steps, source: { git: { ...git, url: "file:///etc" } } }, "spec.source.git.url"],
    ["a line break", { steps, source: { git: { ...git, revision: "a\nb" } } }, "spec.source.git.revision"],
    ["out of the workspace", { steps, source: { git, targetPath: "../x" } }, "spec.source.targetPath"],
    ["out by subPath", { steps, sources: [{ git, subPath: "a/../../x" }] }, "spec.sources.subPath"],
    ["no bucket", { steps, source: { gcs: { location: "bucket/x" } } }, "spec.source.gcs.location"],
    [
      "no digest",
      { steps, source: { archive: { url: "https://x/y.zip", sha256: "12" } } },
      "spec.source.archive.sha256",
    ],
    ["ftp", { steps, source: { archive: { url: "ftp://x/y.zip" } } }, "spec.source.archive.url"],
    ["a long step name", { steps: [{ name: "a".repeat(53), image: "b" }] }, "spec.steps.name"],
    ["a cache of nothing", { steps: [{ image: "b", cache: { key: ["x"], paths: [] } }] }, "spec.steps.cache.paths"],
    ["a cache outside", { steps: [{ image: "b", cache: { key: ["x"], paths: ["../y"] } }] }, "spec.steps.cache.paths"],
    ["limits without a group", { steps, historyLimits: { failed: 1 } }, "spec.concurrency.group"],
    ["an image by digest", { steps, image: "a@sha256:b" }, "spec.image"],
    ["too many retries", { steps, retries: 11 }, "spec.retries"],
  ])("%s is refused", (_, spec, path) => {
    expect(admit(spec)).toContain(`: ${path}`);
  });

  test.each<[string, unknown]>([
    ["scp-like URL", { git: { url: "git@example.com:a/b.git", revision: "v1" } }],
    ["ssh URL", { git: { url: "ssh://git@example.com:2222/a.git", revision: "refs/pull/7/head" } }],
    ["archive", { archive: { url: "https://example.com/a.tar.gz", sha256: "0".repeat(64) } }],
    ["bucket", { gcs: { type: "Archive", location: "gs://bucket/a/b.zip#12" } }],
    ["image", { image: { reference: "example.com/a@sha256:" } }],
    ["outer slashes", { git, targetPath: "/a/b/", subPath: "c/" }],
    ["nothing at all", {}],
  ])("%s is fine", (_, source) => {
    expect(admit({ steps, source })).toBe("");
  });
});

describe("target paths", () => {
  test.each<[string[], boolean]>([
    [["a", "b"], false],
    [["a", "a"], true],
    [["a", "/a/"], true],
    [["a/b", "a"], true],
    [["a", "a/b/c"], true],
    [["a/b", "a/c"], false],
    [["a/b", "a/bc/d"], false],
    [["basel", "baselrocks"], false],
    [["baselrocks", "basel"], false],
    [["a/a/x", "a/a"], true],
    [["a/a", "a"], true],
    [["b/a", "a"], false],
    [["a/b/c", "x", "a/b"], true],
    [["a/b/c", "x", "a/d"], false],
    [[], false],
  ])("%j: %s", (paths, want) => {
    expect(haveOverlap(paths)).toBe(want);
  });
});

describe("templates", () => {
  const check = (spec: unknown): string =>
    fieldErrorText(validateBuildTemplate({ metadata: { name: "t" }, spec: spec as BuildTemplateSpec }));

  test.each<[string, unknown, string]>([
    ["fine", { steps }, ""],
    ["nothing", {}, ""],
    ["no image", { steps: [{ name: "a" }] }, "missing field(s): spec.Image"],
    [
      "two steps of one name",
      {
        steps: [
          { name: "a", image: "b" },
          { name: "a", image: "b" },
        ],
      },
      "expected exactly one, got both: spec.name",
    ],
    ["two volumes", { steps, volumes: [volume, volume] }, "expected exactly one, got both: spec.name"],
    [
      "two parameters",
      { parameters: [{ name: "A" }, { name: "A" }] },
      'invalid key name "ParamName": spec.b.spec.params',
    ],
    ["the first group only", { steps: [{}], volumes: [volume, volume] }, "missing field(s): spec.Image"],
    ["placeholders are images", { steps: [{ image: "${IMAGE}" }] }, ""],
  ])("%s", (_, spec, want) => {
    expect(check(spec)).toBe(want);
  });

  test("have names as Builds do", () => {
    expect(fieldErrorText(validateBuildTemplate({ metadata: { name: "a.b" }, spec: {} }))).toBe(
      "Invalid resource name: special character . must not be present: metadata.name",
    );
  });
});
