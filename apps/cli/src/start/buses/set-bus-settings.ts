import { createHash } from "node:crypto";
import { describeManifest, type Manifest } from "../../kustomize/manifest.ts";
import type { BusName, BusSettings } from "./bus.ts";
import { eventingNamespace, settingsAnnotation } from "./cluster-bus.ts";

/** Puts where its broker is, and who we are there, into the objects that a bus reads. */
export function setBusSettings(
  manifests: readonly Manifest[],
  bus: BusName,
  settings: readonly BusSettings[],
): Manifest[] {
  if (settings.length === 0) return [...manifests];
  const hash = createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 16);
  const isReplaced = ({ kind, metadata }: Manifest): boolean =>
    settings.some((wanted) => kind === wanted.kind && metadata.name === wanted.name);
  const kept = manifests
    .filter((manifest) => !isReplaced(manifest))
    .map((manifest) => (describeManifest(manifest) === `ClusterBus ${bus}` ? annotate(manifest, hash) : manifest));
  return [...kept, ...settings.map(makeObject)];
}

/** As `data`, in a Secret, too: what is left out of that goes, which `stringData` does not say. */
function makeObject({ kind, name, values }: BusSettings): Manifest {
  const encode = (value: string): string => (kind === "Secret" ? Buffer.from(value).toString("base64") : value);
  return {
    apiVersion: "v1",
    kind,
    metadata: { name, namespace: eventingNamespace, labels: { "app.kubernetes.io/part-of": "kelvin" } },
    data: Object.fromEntries(Object.entries(values).map(([key, value]) => [key, encode(value)])),
  };
}

function annotate(manifest: Manifest, hash: string): Manifest {
  const annotations = { ...manifest.metadata.annotations, [settingsAnnotation]: hash };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}
