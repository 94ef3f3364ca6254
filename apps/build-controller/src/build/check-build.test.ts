import { describe, expect, test } from "@jest/globals";
import type { BuildSpec, BuildTemplateSpec } from "@kelvin/api/build/v1alpha1";
import { secret, withAnnotations } from "@kelvin/testkit";
import { build, madePod } from "../../test/builders.ts";
import { findBuildFault, findPodFault, findSecretFault } from "./check-build.ts";

const arg = (name: string) => ({ name, value: "x" });

describe("Secrets", () => {
  test("for Docker Hub need its whole URL", () => {
    const hub = (value: string) => secret("s", {}, withAnnotations({ "build.knative.dev/docker-0": value }));
    expect(findSecretFault([hub("https://gcr.io"), hub("index.docker.io")])).toBe(
      'BadSecretAnnotation: Secret "s" has incorrect annotation "build.knative.dev/docker-0" / "index.docker.io", ' +
        'value should be "https://index.docker.io/v1/"',
    );
    expect(findSecretFault([hub("https://index.docker.io/v1/")])).toBeUndefined();
    const other = secret("s", {}, withAnnotations({ "build.knative.dev/git-0": "index.docker.io" }));
    expect(findSecretFault([other])).toBeUndefined();
  });
});

describe("a Build by template", () => {
  const parameters = [{ name: "A", description: "the a" }, { name: "B" }, { name: "C", default: "" }];
  const nested = "${A${B}}";
  test.each<[string, Partial<BuildSpec["template"]>, BuildTemplateSpec, string | undefined]>([
    ["fine", { arguments: [arg("A"), arg("B")] }, { parameters }, undefined],
    ["an argument that nobody wants", { arguments: [arg("A"), arg("B"), arg("Z")] }, { parameters }, undefined],
    ["twice", { arguments: [arg("foo"), arg("foo")] }, {}, 'DuplicateArgName: duplicate argument name "foo"'],
    [
      "missing, but not one whose default is empty",
      {},
      { parameters },
      "UnsatisfiedParameter: build does not specify these required parameters: [{A the a} {B }]",
    ],
    ["volumes", {}, { volumes: [{ name: "v" }, { name: "v" }] }, "expected exactly one, got both: name"],
    [
      "name",
      {},
      { steps: [{ image: "i", name: nested }] },
      `NestedPlaceholder: nested placeholder in step name 0: "${nested}"`,
    ],
    [
      "arg",
      {},
      { steps: [{ image: "i" }, { image: "i", args: ["a", nested] }] },
      `NestedPlaceholder: nested placeholder in step 1 arg 1: "${nested}"`,
    ],
    [
      "env",
      {},
      { steps: [{ image: "i", env: [{ name: "E", value: nested }] }] },
      `NestedPlaceholder: nested placeholder in step 0 env value 0: "${nested}"`,
    ],
    [
      "working dir",
      {},
      { steps: [{ image: "i", workingDir: nested }] },
      `NestedPlaceholder: nested placeholder in step 0 working dir: "${nested}"`,
    ],
    [
      "command",
      {},
      { steps: [{ image: "i", command: [nested] }] },
      `NestedPlaceholder: nested placeholder in step 0 command 0: "${nested}"`,
    ],
    [
      "image and mounts are not looked at",
      {},
      { steps: [{ image: nested, volumeMounts: [{ name: nested, mountPath: "/" }] }] },
      undefined,
    ],
  ])("%s", (...[, instantiation, template, want]) => {
    expect(findBuildFault(build("b", { template: { name: "t", ...instantiation } }), template)).toBe(want);
  });

  test("is checked for what admission could not see", () => {
    const template = { steps: [{ image: "i", name: "${A}" }] };
    const unsafe = { template: { name: "t" }, source: { git: { url: "https://x/y", revision: "-x" } } };
    expect(findBuildFault(build("b", unsafe), template)).toContain(": source.git.revision");
    const named = { template: { name: "t", arguments: [{ name: "A", value: "Not a label" }] } };
    expect(findBuildFault(build("b", named), template)).toContain("invalid value: Not a label: name");
  });
});

describe("sources", () => {
  test.each<[string, BuildSpec["source"], string | undefined]>([
    ["no URL", { git: { revision: "x" } }, "missing field(s): b.spec.source.git.url"],
    ["no revision", { git: { url: "https://x/y" } }, "missing field(s): b.spec.source.git.revision"],
    ["no location", { gcs: { type: "Archive" } }, "missing field(s): b.spec.source.gcs.location"],
    ["no archive", { archive: {} }, "missing field(s): b.spec.source.archive.url"],
    ["no image", { image: {} }, "missing field(s): b.spec.source.image.reference"],
    ["a name inside", { custom: { name: "c", image: "i" } }, "missing field(s): b.spec.source.name"],
    ["git goes before the others", { git: { url: "https://x/y", revision: "x" }, gcs: {} }, undefined],
    ["none", {}, undefined],
  ])("%s", (_, source = {}, want) => {
    expect(findBuildFault(build("b", { source }), undefined)).toBe(want);
  });
});

describe("the Pod as a whole", () => {
  const emptyDir = {};
  test.each<[string, BuildSpec, string | undefined]>([
    ["fine", { volumes: [{ name: "v", emptyDir }] }, undefined],
    [
      "a volume called workspace",
      { volumes: [{ name: "workspace", emptyDir }] },
      "expected exactly one, got both: name",
    ],
    ["a volume called home", { volumes: [{ name: "home", emptyDir }] }, "expected exactly one, got both: name"],
    [
      "a volume called credentials-git",
      { volumes: [{ name: "credentials-git", emptyDir }] },
      "expected exactly one, got both: name",
    ],
    [
      "a step called like ours",
      { steps: [{ name: "credential-initializer", image: "i" }] },
      'two containers would be called "build-step-credential-initializer": give the step or source another name',
    ],
  ])("%s", (_, spec, want) => {
    expect(findPodFault(madePod(build("b", spec)))).toBe(want);
  });
});
