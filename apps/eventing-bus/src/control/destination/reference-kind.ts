import type { KReference } from "@kelvin/api/duck";
import { CustomResourceDefinition, ForbiddenError, type CallOptions, type Kind, type KubeClient } from "@kelvin/kube";

/** A kind as a reference names it. No version: whichever is served. */
export interface KindName {
  readonly group: string;
  readonly version?: string;
  readonly kind: string;
}

/** Reads the kind from a reference. Undefined: no API server has such names, and none must become part of a path. */
export function parseKindName({ apiVersion = "", group = "", kind = "" }: KReference): KindName | undefined {
  if (!/^[A-Za-z][A-Za-z0-9]{0,62}$/.test(kind)) return undefined;
  if (apiVersion === "") return isGroup(group) ? { group, kind } : undefined;
  const slash = apiVersion.indexOf("/");
  const [ownGroup, version] = slash < 0 ? ["", apiVersion] : [apiVersion.slice(0, slash), apiVersion.slice(slash + 1)];
  if (slash >= 0 && !isGroup(ownGroup)) return undefined;
  return /^[a-z][a-z0-9]{0,62}$/.test(version) ? { group: ownGroup, version, kind } : undefined;
}

function isGroup(text: string): boolean {
  return text.length <= 253 && /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/.test(text);
}

/** The kind in words: `Widget of example.com/v1`. */
export function describeKind({ group, version, kind }: KindName): string {
  const apiVersion = [group, version].filter((part) => part !== undefined && part !== "").join("/");
  return `${kind} of ${apiVersion}`;
}

/** Where objects of a kind are found, or a sentence that says why nowhere. */
export type KindLookup =
  /** `isGuessed`: definitions can be read, and none says that there is such a kind. */
  | { readonly ok: true; readonly kind: Kind; readonly isGuessed: boolean }
  | { readonly ok: false; readonly problem: string };

/**
 * Finds out under which plural and version a kind is served. Custom kinds say so themselves; those of Kubernetes follow the
 * rule of its own clients, as do all for whoever may not read definitions. @throws KubeError when the API server does not answer.
 */
export async function findKind(
  kube: Pick<KubeClient, "find" | "list">,
  name: KindName,
  options: CallOptions = {},
): Promise<KindLookup> {
  const definition = isCustom(name) ? await findDefinition(kube, name, options) : "unreadable";
  if (typeof definition === "object") return kindOfDefinition(definition, name);
  const { group, version, kind } = name;
  if (version === undefined) return { ok: false, problem: `there is no ${describeKind(name)} here` };
  // Where definitions can be read and none is there, an API server beside this one may still serve it.
  const isGuessed = definition === undefined;
  return { ok: true, kind: { group, version, kind, plural: guessPlural(kind), namespaced: true }, isGuessed };
}

function isCustom({ group }: KindName): boolean {
  return group.includes(".") && !group.endsWith(".k8s.io");
}

async function findDefinition(
  kube: Pick<KubeClient, "find" | "list">,
  { group, kind }: KindName,
  options: CallOptions,
): Promise<CustomResourceDefinition | "unreadable" | undefined> {
  const isIt = ({ spec }: CustomResourceDefinition): boolean => spec.group === group && spec.names.kind === kind;
  try {
    const likely = await kube.find(CustomResourceDefinition, { name: `${guessPlural(kind)}.${group}` }, options);
    if (likely !== undefined && isIt(likely)) return likely;
    // Its plural is irregular, or there is none.
    return (await kube.list(CustomResourceDefinition, options)).items.find(isIt);
  } catch (error) {
    if (error instanceof ForbiddenError) return "unreadable";
    throw error;
  }
}

function kindOfDefinition({ spec }: CustomResourceDefinition, name: KindName): KindLookup {
  const served = spec.versions.filter((version) => version.served);
  const preferred = served.find((version) => version.storage) ?? served[0];
  const version = name.version === undefined ? preferred : served.find((one) => one.name === name.version);
  if (version === undefined) {
    const names = served.map((one) => one.name).join(", ") || "none";
    return { ok: false, problem: `${describeKind(name)} is not served here; versions that are: ${names}` };
  }
  const { group, kind } = name;
  const namespaced = spec.scope === "Namespaced";
  return {
    ok: true,
    kind: { group, version: version.name, kind, plural: spec.names.plural, namespaced },
    isGuessed: false,
  };
}

/** As client-go's UnsafeGuessKindToResource. */
export function guessPlural(kind: string): string {
  const singular = kind.toLowerCase();
  if (singular === "endpoints") return singular;
  if (singular.endsWith("s")) return `${singular}es`;
  return singular.endsWith("y") ? `${singular.slice(0, -1)}ies` : `${singular}s`;
}
