import { type Controller, openController, watching } from "@kelvin/controller";
import { type KubeObject, Namespace, type ObjectKey } from "@kelvin/kube";
import type { ControllerBase } from "../controller-base.ts";
import { reconcileServiceAccount } from "./reconcile.ts";

/** Namespaces are woken by themselves and by their default ServiceAccount and root certificate. */
export function openServiceAccountController(
  { informers, recorderOf, ...base }: ControllerBase,
  rootCaCert: string | undefined,
): Controller {
  const { namespaces, serviceAccounts, rootCaConfigMaps } = informers;
  const toNamespace = ({ metadata }: KubeObject): ObjectKey[] => [{ name: metadata.namespace ?? "" }];
  return openController({
    ...base,
    name: "serviceaccount-controller",
    kind: Namespace,
    informer: namespaces,
    recorder: recorderOf("serviceaccount-controller"),
    watches: [watching(serviceAccounts, toNamespace), watching(rootCaConfigMaps, toNamespace)],
    reconcile: (namespace, { kube }) =>
      reconcileServiceAccount(namespace, {
        kube,
        rootCaCert,
        serviceAccount: (key) => serviceAccounts.get(key),
        configMap: (key) => rootCaConfigMaps.get(key),
      }),
  });
}
