import { type Pod, ReplicaSet } from "@kelvin/kube";
import { makeControllerReference } from "../ownership.ts";
import { generatedName } from "../generated-name.ts";

/** A new pod of the ReplicaSet. Its name is chosen here, so that its event is recognised even before the answer. */
export function makePod(replicaSet: ReplicaSet, random: () => number): Pod {
  const template = replicaSet.spec?.template;
  const generateName = `${replicaSet.metadata.name ?? ""}-`;
  const { labels, annotations, finalizers } = template?.metadata ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: generatedName(generateName, random),
      generateName,
      ...(replicaSet.metadata.namespace !== undefined && { namespace: replicaSet.metadata.namespace }),
      ...(labels !== undefined && { labels }),
      ...(annotations !== undefined && { annotations }),
      ...(finalizers !== undefined && { finalizers }),
      ownerReferences: [makeControllerReference(ReplicaSet, replicaSet)],
    },
    ...(template?.spec !== undefined && { spec: template.spec }),
  };
}
