import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { customKinds, eventingKinds, makeCustomResourceDefinition } from "@kelvin/api/crd";
import { stringify } from "yaml";

// Writes deploy/base/crds and deploy/base/crds-eventing from the schemas in packages/api; with --check only compares, and exits 1
// when they differ. Eventing's are no part of any overlay until something serves them.

const header = "# Generated from packages/api by tools/gen-crds.ts (npm run gen). Do not edit.\n";

generate("deploy/base/crds", customKinds);
generate("deploy/base/crds-eventing", eventingKinds);

function generate(name: string, kinds: typeof customKinds): void {
  const directory = new URL(`../${name}/`, import.meta.url);
  const wanted = makeFiles(kinds);
  const present = new Map(listFiles(directory).map((file) => [file, readFileSync(new URL(file, directory), "utf8")]));
  const stale = [...wanted].filter(([file, text]) => present.get(file) !== text).map(([file]) => file);
  const left = [...present.keys()].filter((file) => !wanted.has(file));

  if (!process.argv.includes("--check")) {
    mkdirSync(directory, { recursive: true });
    for (const file of left) rmSync(new URL(file, directory));
    for (const [file, text] of wanted) writeFileSync(new URL(file, directory), text);
    console.log(`${name}: ${stale.length} written, ${left.length} removed, ${wanted.size - stale.length} current`);
  } else if (stale.length + left.length > 0) {
    console.error(`${name} is not what packages/api says:`);
    for (const file of stale) console.error(`  ${file} ${present.has(file) ? "is stale" : "is missing"}`);
    for (const file of left) console.error(`  ${file} belongs to no kind`);
    console.error("Run `npm run gen` and commit the result.");
    process.exitCode = 1;
  } else {
    console.log(`${name}: ${wanted.size} files, all current`);
  }
}

function makeFiles(kinds: typeof customKinds): Map<string, string> {
  const definitions = kinds
    .map((kind) => makeCustomResourceDefinition(kind))
    .map((definition): [string, string] => [`${definition.metadata.name}.yaml`, toYaml(definition)])
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  const kustomization = toYaml({
    apiVersion: "kustomize.config.k8s.io/v1beta1",
    kind: "Kustomization",
    resources: definitions.map(([name]) => name),
  });
  return new Map([...definitions, ["kustomization.yaml", kustomization]]);
}

function toYaml(value: object): string {
  return header + stringify(value, { lineWidth: 120, aliasDuplicateObjects: false });
}

function listFiles(directory: URL): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
