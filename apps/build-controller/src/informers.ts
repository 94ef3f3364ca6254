import { Build, buildLabels } from "@kelvin/api/build/v1alpha1";
import type { Log } from "@kelvin/controller";
import { openInformer, Pod, type KubeClient } from "@kelvin/kube";
import { groupsOf, indexes, ownersOf } from "./build/informer-indexes.ts";

/** A live copy of everything that the reconciler reads all the time. */
export type Informers = ReturnType<typeof openInformers>;

/** Starts to list and watch. Pods of other people are left out. */
export function openInformers({ kube, log }: { readonly kube: KubeClient; readonly log: Log }) {
  const onError = (kind: string) => (err: Error) => log.warn({ err, kind }, "Watching failed, trying again");
  return {
    builds: openInformer(kube, Build, { indexes: { [indexes.group]: groupsOf }, onError: onError("Build") }),
    pods: openInformer(kube, Pod, {
      labelSelector: buildLabels.buildName,
      transform: trimPod,
      indexes: { [indexes.build]: ownersOf },
      onError: onError("Pod"),
    }),
  };
}

/** Of its spec only what is asked about: which containers there are, what they mount, and whose Secrets they may know. */
export function trimPod(pod: Pod): Pod {
  const { spec, metadata } = pod;
  const { managedFields: _, ...kept } = metadata as Pod["metadata"] & { managedFields?: unknown };
  const trim = (container: NonNullable<Pod["spec"]>["containers"][number]) => {
    const { name, image, volumeMounts } = container;
    return { name, ...(image !== undefined && { image }), ...(volumeMounts !== undefined && { volumeMounts }) };
  };
  return {
    ...pod,
    metadata: kept,
    ...(spec !== undefined && {
      spec: {
        ...(spec.nodeName !== undefined && { nodeName: spec.nodeName }),
        ...(spec.serviceAccountName !== undefined && { serviceAccountName: spec.serviceAccountName }),
        ...(spec.initContainers !== undefined && { initContainers: spec.initContainers.map(trim) }),
        containers: spec.containers.map(trim),
      },
    }),
  };
}
