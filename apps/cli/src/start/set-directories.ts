import { join } from "node:path";
import { type Fields, isFields, type Manifest } from "../kustomize/manifest.ts";

/** Where deploy/overlays/local has content that lasts; the data directory is put in its place. */
const overlayDirectory = "/var/lib/kelvin/";

/** Puts the volumes that outlive Pods below the data directory, so that two clusters share none and no root is needed. */
export function setDirectories(manifests: readonly Manifest[], dataDir: string): Manifest[] {
  return manifests.map((manifest) => {
    if (manifest.kind === "Deployment") return move(manifest, dataDir);
    return manifest.kind === "ConfigMap" ? moveSettings(manifest, dataDir) : manifest;
  });
}

/** Settings that are such a directory, as that of the step caches. */
function moveSettings(manifest: Manifest, dataDir: string): Manifest {
  const { data } = manifest;
  if (!isFields(data) || !Object.values(data).some(isLasting)) return manifest;
  const moved = Object.entries(data).map(([key, value]) => [key, isLasting(value) ? below(dataDir, value) : value]);
  return { ...manifest, data: Object.fromEntries(moved) as Fields };
}

function isLasting(value: unknown): value is string {
  return typeof value === "string" && value.startsWith(overlayDirectory);
}

function below(dataDir: string, path: string): string {
  return join(dataDir, path.slice(overlayDirectory.length));
}

function move(manifest: Manifest, dataDir: string): Manifest {
  const { spec } = manifest;
  const template = isFields(spec) && isFields(spec.template) ? spec.template : {};
  const podSpec = isFields(template.spec) ? template.spec : {};
  if (!Array.isArray(podSpec.volumes)) return manifest;
  const volumes = podSpec.volumes.map((volume: unknown) => moveVolume(volume, dataDir));
  return { ...manifest, spec: { ...(spec as object), template: { ...template, spec: { ...podSpec, volumes } } } };
}

function moveVolume(volume: unknown, dataDir: string): unknown {
  if (!isFields(volume) || !isFields(volume.hostPath)) return volume;
  const { path } = volume.hostPath;
  return isLasting(path) ? { ...volume, hostPath: { ...volume.hostPath, path: below(dataDir, path) } } : volume;
}
