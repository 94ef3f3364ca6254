import { createHash } from "node:crypto";
import { type Fields, isFields, type Manifest } from "../kustomize/manifest.ts";
import type { NatsSettings } from "./nats-settings.ts";

const secretName = "nats-clusterbus";
const dispatcherName = "nats-clusterbus-dispatcher";
/** Changes with the settings: Pods that have the former ones are replaced. */
const settingsAnnotation = "kelvin.dev/bus-settings";

/** Puts the server and who we are there into the Secret that the bus on NATS reads. */
export function setNats(manifests: readonly Manifest[], nats: Omit<NatsSettings, "hostServices">): Manifest[] {
  const { urls, user, password } = nats;
  const settings = {
    url: urls.join(","),
    ...(user !== undefined && { user }),
    ...(password !== undefined && { password }),
  };
  const hash = createHash("sha256").update(JSON.stringify(settings)).digest("hex").slice(0, 16);
  return manifests.map((manifest) => {
    const { kind, metadata } = manifest;
    if (kind === "Secret" && metadata.name === secretName) return { ...manifest, stringData: settings };
    return kind === "Deployment" && metadata.name === dispatcherName ? annotateTemplate(manifest, hash) : manifest;
  });
}

function annotateTemplate(manifest: Manifest, hash: string): Manifest {
  const spec = fieldsOf(manifest.spec);
  const template = fieldsOf(spec.template);
  const metadata = fieldsOf(template.metadata);
  const annotations = { ...fieldsOf(metadata.annotations), [settingsAnnotation]: hash };
  return { ...manifest, spec: { ...spec, template: { ...template, metadata: { ...metadata, annotations } } } };
}

function fieldsOf(value: unknown): Fields {
  return isFields(value) ? value : {};
}
