// Renders every overlay with Kelvin's own kustomize subset, and compares it with kubectl's where that is installed.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parseAllDocuments } from "yaml";
import { renderKustomization } from "./render.ts";

const overlays = "deploy/overlays";
let failures = 0;
for (const name of readdirSync(overlays)) {
  const directory = join(overlays, name);
  const ours = renderKustomization(directory);
  const theirs = renderWithKubectl(directory);
  const verdict = theirs === undefined ? "kubectl not installed: not compared" : compare(ours, theirs);
  if (verdict !== "as kubectl renders it" && theirs !== undefined) failures += 1;
  console.log(`${directory}: ${ours.length} objects, ${verdict}`);
}
process.exit(failures === 0 ? 0 : 1);

function renderWithKubectl(directory: string): unknown[] | undefined {
  const result = spawnSync("kubectl", ["kustomize", directory], { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  if (result.error !== undefined) return undefined;
  if (result.status !== 0) throw new Error(`kubectl kustomize ${directory}: ${result.stderr}`);
  return parseAllDocuments(result.stdout).map((document) => document.toJS() as unknown);
}

function compare(ours: readonly object[], theirs: readonly unknown[]): string {
  const known = new Map(theirs.map((object) => [identify(object as ObjectShape), object]));
  for (const object of ours as readonly ObjectShape[]) {
    const other = known.get(identify(object));
    if (other === undefined) return `${identify(object)} is not in kubectl's output`;
    if (!isDeepStrictEqual(JSON.parse(JSON.stringify(object)), JSON.parse(JSON.stringify(other)))) {
      return `${identify(object)} differs from kubectl's`;
    }
  }
  return ours.length === theirs.length ? "as kubectl renders it" : "kubectl renders more objects";
}

interface ObjectShape {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

function identify(object: ObjectShape): string {
  return `${object.apiVersion} ${object.kind} ${object.metadata.namespace ?? ""}/${object.metadata.name}`;
}
