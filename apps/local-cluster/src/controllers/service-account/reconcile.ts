import {
  ConfigMap,
  isSemanticallyEqual,
  type KubeClient,
  type KubeObject,
  type Namespace,
  ServiceAccount,
} from "@kelvin/kube";
import { AlreadyExistsError, NotFoundError, type Kind, type ObjectKey } from "@kelvin/kube";
import { type Outcome, waitForEvent } from "@kelvin/controller";
import { isNamespaceTerminating } from "../namespace-terminating.ts";
import { isBeingDeleted } from "../ownership.ts";

export const defaultServiceAccountName = "default";
export const rootCaName = "kube-root-ca.crt";

export interface ServiceAccountDeps {
  readonly kube: KubeClient;
  readonly serviceAccount: (key: ObjectKey) => ServiceAccount | undefined;
  readonly configMap: (key: ObjectKey) => ConfigMap | undefined;
  /** PEM. Absent: no ConfigMap is made. */
  readonly rootCaCert: string | undefined;
}

/** Gives a Namespace what every pod in it counts on, and restores it when it was deleted or changed. */
export async function reconcileServiceAccount(namespace: Namespace, deps: ServiceAccountDeps): Promise<Outcome> {
  if (isBeingDeleted(namespace)) return waitForEvent;
  const place = namespace.metadata.name ?? "";
  const accountKey = { namespace: place, name: defaultServiceAccountName };
  if (deps.serviceAccount(accountKey) === undefined) {
    await create(deps.kube, ServiceAccount, { apiVersion: "v1", kind: "ServiceAccount", metadata: accountKey });
  }
  if (deps.rootCaCert !== undefined) await ensureRootCa({ namespace: place, name: rootCaName }, deps.rootCaCert, deps);
  return waitForEvent;
}

async function ensureRootCa(
  key: ObjectKey,
  rootCaCert: string,
  { kube, configMap }: ServiceAccountDeps,
): Promise<void> {
  const existing = configMap(key);
  const wanted = { "ca.crt": rootCaCert };
  if (existing === undefined) {
    await create(kube, ConfigMap, { apiVersion: "v1", kind: "ConfigMap", metadata: { ...key }, data: wanted });
  } else if (!isSemanticallyEqual(existing.data, wanted)) {
    await kube.update(ConfigMap, { ...existing, data: wanted });
  }
}

/** One that exists is our own, made before the informer showed it; a namespace that is gone needs nothing. */
async function create<T extends KubeObject>(kube: KubeClient, kind: Kind<T>, object: T): Promise<void> {
  try {
    await kube.create(kind, object);
  } catch (error) {
    const isFine =
      error instanceof AlreadyExistsError || error instanceof NotFoundError || isNamespaceTerminating(error);
    if (!isFine) throw error;
  }
}
