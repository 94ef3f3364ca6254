import type { ApiObject, JsonObject } from "../api-object.ts";
import { copyJson, ensureRecord, isRecord, recordAt, recordsAt, stringAt } from "../api-object.ts";
import type { Registry } from "../registry/request.ts";
import type { Resource } from "../resource.ts";
import { forbidden } from "../status-error.ts";
import { generateName, timestampOf } from "../registry/metadata.ts";

type AccountSource = Pick<Registry, "store" | "now">;

const mountPath = "/var/run/secrets/kubernetes.io/serviceaccount";
const tokenSeconds = 3607;

/**
 * Gives a new Pod its ServiceAccount and, unless refused, a volume with the account's token, the cluster's CA and the namespace.
 *
 * @throws StatusError 403 when the account does not exist.
 */
export function admitServiceAccount(registry: AccountSource, resource: Resource, given: ApiObject): ApiObject {
  const pod = copyJson(given);
  const spec = ensureRecord(pod, "spec");
  const name = stringAt(spec, "serviceAccountName") || "default";
  const account = findAccount(registry, pod.metadata.namespace ?? "", name);
  if (account === undefined) {
    const subject = `${pod.metadata.namespace ?? ""}/${name}`;
    const message = `error looking up service account ${subject}: serviceaccount "${name}" not found`;
    throw forbidden(resource, pod.metadata.name ?? "", { message });
  }
  spec["serviceAccountName"] = name;
  spec["serviceAccount"] = name;
  addPullSecrets(spec, account);
  if (isTokenWanted(spec, account)) mountToken(spec);
  return pod;
}

// Pods may follow their namespace faster than the controller that makes its default account.
function findAccount({ store, now }: AccountSource, namespace: string, name: string): ApiObject | undefined {
  const key = { type: "/serviceaccounts", namespace, name };
  const found = store.get(key);
  if (found !== undefined || name !== "default") return found;
  const metadata = { name, namespace, uid: crypto.randomUUID(), creationTimestamp: timestampOf(now()) };
  return store.put(key, { apiVersion: "v1", kind: "ServiceAccount", metadata });
}

function addPullSecrets(spec: JsonObject, account: ApiObject): void {
  const secrets = account["imagePullSecrets"];
  if (spec["imagePullSecrets"] !== undefined || !Array.isArray(secrets) || secrets.length === 0) return;
  spec["imagePullSecrets"] = copyJson(secrets);
}

function isTokenWanted(spec: JsonObject, account: ApiObject): boolean {
  const wanted = spec["automountServiceAccountToken"] ?? account["automountServiceAccountToken"];
  return wanted !== false;
}

function mountToken(spec: JsonObject): void {
  const containers = [...recordsAt(spec, "initContainers"), ...recordsAt(spec, "containers")];
  const bare = containers.filter(
    (container) => !recordsAt(container, "volumeMounts").some((mount) => mount["mountPath"] === mountPath),
  );
  if (bare.length === 0) return;
  const volumeName = existingVolume(spec) ?? generateName("kube-api-access-");
  if (existingVolume(spec) === undefined) {
    spec["volumes"] = [...recordsAt(spec, "volumes"), { name: volumeName, projected: projectedToken() }];
  }
  for (const container of bare) {
    const mounts = recordsAt(container, "volumeMounts");
    container["volumeMounts"] = [...mounts, { name: volumeName, readOnly: true, mountPath }];
  }
}

function existingVolume(spec: JsonObject): string | undefined {
  const found = recordsAt(spec, "volumes").find(
    (volume) => stringAt(volume, "name").startsWith("kube-api-access-") && isRecord(recordAt(volume)["projected"]),
  );
  return found === undefined ? undefined : stringAt(found, "name");
}

function projectedToken(): JsonObject {
  return {
    defaultMode: 420,
    sources: [
      { serviceAccountToken: { expirationSeconds: tokenSeconds, path: "token" } },
      { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
      {
        downwardAPI: {
          items: [{ path: "namespace", fieldRef: { apiVersion: "v1", fieldPath: "metadata.namespace" } }],
        },
      },
    ],
  };
}
