import { controllerOf, type ObjectKey } from "@kelvin/api";
import { Build } from "@kelvin/api/build/v1alpha1";
import { keyText, type Pod } from "@kelvin/kube";

/** By which names of indexes Builds and Pods are found. */
export const indexes = { group: "group", build: "build" } as const;

/** The concurrency group of a Build: `namespace/group`, or none. */
export function groupsOf({ metadata: { namespace = "" }, spec }: Build): string[] {
  const group = spec.concurrency?.group ?? "";
  return group === "" ? [] : [`${namespace}/${group}`];
}

/** The Build that a Pod belongs to: `namespace/name`, or none. */
export function ownersOf(pod: Pod): string[] {
  const key = ownerKeyOf(pod);
  return key === undefined ? [] : [keyText(key)];
}

/** The Build that a Pod belongs to. */
export function ownerKeyOf(pod: Pod): ObjectKey | undefined {
  const owner = controllerOf(pod);
  return owner?.kind === Build.kind && owner.apiVersion.startsWith(`${Build.group}/`)
    ? { namespace: pod.metadata.namespace ?? "", name: owner.name }
    : undefined;
}
