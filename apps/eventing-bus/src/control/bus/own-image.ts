import { Pod, type KubeClient } from "@kelvin/kube";

/** The image that this process runs from, which is that of Kelvin's buses too; undefined: it runs in no Pod that is known. */
export type OwnImage = () => Promise<string | undefined>;

/** Looks it up in the process's own Pod, once. */
export function makeOwnImage(
  kube: Pick<KubeClient, "find">,
  { systemNamespace, podName }: { readonly systemNamespace: string; readonly podName: string },
): OwnImage {
  let known: string | undefined;
  return async () => {
    known ??= (await kube.find(Pod, { namespace: systemNamespace, name: podName }))?.spec?.containers[0]?.image;
    return known;
  };
}
