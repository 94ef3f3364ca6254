import type { Kind } from "@kelvin/kube";
import { isFields, isNamespacedKind, KustomizeError, type Manifest, describeManifest } from "../kustomize/manifest.ts";

/** Plurals that are not the kind in lower case with an s. */
const irregularPlurals: Record<string, string> = { NetworkPolicy: "networkpolicies" };

/** Where objects of the manifests' kinds live: built-in kinds by rule, others by the CRDs among the manifests. */
export function kindsOf(manifests: readonly Manifest[]): (manifest: Manifest) => Kind {
  const custom = new Map(
    manifests.flatMap((manifest) => (manifest.kind === "CustomResourceDefinition" ? [customKind(manifest)] : [])),
  );
  return ({ apiVersion, kind }) => {
    const slash = apiVersion.indexOf("/");
    const group = slash < 0 ? "" : apiVersion.slice(0, slash);
    const version = apiVersion.slice(slash + 1);
    const known = custom.get(`${group}/${kind}`);
    if (known !== undefined) return { ...known, version };
    const plural = irregularPlurals[kind] ?? `${kind.toLowerCase()}s`;
    return { group, version, kind, plural, namespaced: isNamespacedKind(kind) };
  };
}

function customKind(manifest: Manifest): [string, Kind] {
  const spec = isFields(manifest.spec) ? manifest.spec : {};
  const names = isFields(spec.names) ? spec.names : {};
  const { group, scope } = spec;
  const { kind, plural } = names;
  if (typeof group !== "string" || typeof kind !== "string" || typeof plural !== "string") {
    throw new KustomizeError(
      `${describeManifest(manifest)}: spec.group, spec.names.kind and spec.names.plural are needed`,
    );
  }
  return [`${group}/${kind}`, { group, version: "", kind, plural, namespaced: scope !== "Cluster" }];
}
