import { createHash } from "node:crypto";
import { readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isFields, type Manifest } from "../kustomize/manifest.ts";

/**
 * The objects of some overlays, rendered only when a file below `deployDir` has changed since the last start: reading all the
 * YAML takes longer than anything else that a start does on this side. Losing or breaking `cacheFile` costs only time.
 */
export async function renderOverlays(
  deployDir: string,
  overlays: readonly string[],
  cacheFile: string,
): Promise<Manifest[]> {
  const hash = hashTree(deployDir, overlays);
  const cached = readCache(cacheFile, hash);
  if (cached !== undefined) return cached;
  const { renderKustomization } = await import("../kustomize/render.ts");
  const manifests = overlays.flatMap((overlay) => renderKustomization(join(deployDir, overlay)));
  const own = `${cacheFile}.${process.pid}`;
  writeFileSync(own, JSON.stringify({ hash, manifests }));
  renameSync(own, cacheFile);
  return manifests;
}

function hashTree(directory: string, overlays: readonly string[]): string {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .toSorted();
  const hash = createHash("sha256").update(overlays.join("\n"));
  for (const file of files) hash.update(`${file}\n`).update(readFileSync(file)).update("\0");
  return hash.digest("hex");
}

function readCache(file: string, hash: string): Manifest[] | undefined {
  try {
    const cache: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (!isFields(cache) || cache.hash !== hash || !Array.isArray(cache.manifests)) return undefined;
    return cache.manifests as Manifest[];
  } catch {
    // Absent or torn: rendered anew.
    return undefined;
  }
}
