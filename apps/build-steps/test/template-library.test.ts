import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "@jest/globals";
import { defaultBuild, resolveBuild, validateBuild, validateBuildTemplate } from "@kelvin/api/build/v1alpha1";
import type { Build, BuildSpec, BuildTemplate, ResolvedBuild } from "@kelvin/api/build/v1alpha1";
import { parseAllDocuments } from "yaml";

// Templates of the shapes that the library for Knative Build had. Each file holds a template, the spec of a Build that
// uses it, and what the two come to.
const folder = fileURLToPath(new URL("./template-library/", import.meta.url));

describe.each(readdirSync(folder))("%s", (file) => {
  const documents = parseAllDocuments(readFileSync(join(folder, file), "utf8"));
  const [template, spec, want] = documents.map((document) => document.toJS() as unknown) as [
    BuildTemplate,
    BuildSpec,
    ResolvedBuild,
  ];

  test("is read as it is", () => {
    expect(documents.flatMap(({ errors, warnings }) => [...errors, ...warnings])).toEqual([]);
    expect(documents.length).toBe(3);
    expect(validateBuildTemplate(structuredClone(template))).toEqual([]);
    const build: Build = { metadata: { name: "build" }, spec: structuredClone(spec) };
    defaultBuild(build);
    expect(validateBuild(build)).toEqual([]);
  });

  test("comes to what it did", () => {
    const before = structuredClone([template, spec]);
    const { steps, volumes, image } = resolveBuild(spec, template.spec);
    expect({ steps, volumes, image }).toEqual(want);
    expect([template, spec]).toEqual(before);
  });
});
