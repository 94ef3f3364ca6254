import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { customKinds, makeCustomResourceDefinition } from "@kelvin/api/crd";
import { stringify } from "yaml";

// Writes deploy/base/crds from the schemas in packages/api; with --check only compares, and exits 1 when they differ.

const directory = new URL("../deploy/base/crds/", import.meta.url);
const header = "# Generated from packages/api by tools/gen-crds.ts (npm run gen). Do not edit.\n";

const wanted = makeFiles();
const present = new Map(listFiles().map((name) => [name, readFileSync(new URL(name, directory), "utf8")]));
const stale = [...wanted].filter(([name, text]) => present.get(name) !== text).map(([name]) => name);
const left = [...present.keys()].filter((name) => !wanted.has(name));

if (!process.argv.includes("--check")) {
  mkdirSync(directory, { recursive: true });
  for (const name of left) rmSync(new URL(name, directory));
  for (const [name, text] of wanted) writeFileSync(new URL(name, directory), text);
  console.log(
    `deploy/base/crds: ${stale.length} written, ${left.length} removed, ${wanted.size - stale.length} current`,
  );
} else if (stale.length + left.length > 0) {
  console.error("deploy/base/crds is not what packages/api says:");
  for (const name of stale) console.error(`  ${name} ${present.has(name) ? "is stale" : "is missing"}`);
  for (const name of left) console.error(`  ${name} belongs to no kind`);
  console.error("Run `npm run gen` and commit the result.");
  process.exitCode = 1;
} else {
  console.log(`deploy/base/crds: ${wanted.size} files, all current`);
}

function makeFiles(): Map<string, string> {
  const definitions = customKinds
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

function listFiles(): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
