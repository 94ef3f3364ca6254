import { join } from "node:path";
import { isFields, type Manifest } from "../kustomize/manifest.ts";

/** Where deploy/overlays/local has content that lasts; the data directory is put in its place. */
const overlayDirectory = "/var/lib/kelvin/";

/** Puts the volumes that outlive Pods below the data directory, so that two clusters share none and no root is needed. */
export function setDirectories(manifests: readonly Manifest[], dataDir: string): Manifest[] {
  return manifests.map((manifest) => (manifest.kind === "Deployment" ? move(manifest, dataDir) : manifest));
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
  const path = String(volume.hostPath.path);
  if (!path.startsWith(overlayDirectory)) return volume;
  return { ...volume, hostPath: { ...volume.hostPath, path: join(dataDir, path.slice(overlayDirectory.length)) } };
}
