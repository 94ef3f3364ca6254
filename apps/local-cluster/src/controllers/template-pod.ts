import type { Kind, KubeObject, Pod } from "@kelvin/kube";
import { generatedName } from "./generated-name.ts";
import { makeControllerReference } from "./ownership.ts";

/** What pods are made from. */
export interface PodTemplate {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string>; finalizers?: string[] };
  spec?: NonNullable<Pod["spec"]>;
}

/**
 * A new pod of an owner, named after `prefix`. The whole name is chosen here, so that the event of its creation is
 * recognised even before the answer.
 */
export function makeTemplatePod(
  { ownerKind, owner, template }: { ownerKind: Kind; owner: KubeObject; template: PodTemplate | undefined },
  prefix: string,
  random: () => number,
): Pod {
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: generatedName(prefix, random),
      generateName: prefix,
      ...(owner.metadata.namespace !== undefined && { namespace: owner.metadata.namespace }),
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
      ...(finalizers !== undefined && { finalizers }),
      ownerReferences: [makeControllerReference(ownerKind, owner)],
    },
    ...(template?.spec !== undefined && { spec: template.spec }),
  };
}
