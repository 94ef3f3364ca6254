import type { ApiObject } from "../api-object.ts";
import type { Resource } from "../resource.ts";
import { forbidden, notFound } from "../status-error.ts";
import type { Registry, WriteRequest } from "./request.ts";

const namespaces = { group: "", plural: "namespaces", kind: "Namespace" };

/** Nothing is created in a namespace that does not exist or is going away. @throws StatusError 404 or 403. */
export function checkNamespace(registry: Registry, request: WriteRequest, object: ApiObject): void {
  const { resource, namespace } = request;
  if (!resource.namespaced) return;
  const found = registry.store.get({ type: "/namespaces", namespace: "", name: namespace });
  if (found === undefined) throw notFound(namespaces, namespace);
  if (found.metadata.deletionTimestamp === undefined) return;
  const message = `unable to create new content in namespace ${namespace} because it is being terminated`;
  const causes = [
    {
      reason: "NamespaceTerminating",
      message: `namespace ${namespace} is being terminated`,
      field: "metadata.namespace",
    },
  ];
  throw forbidden(resource, object.metadata.name ?? "", { message, causes });
}

/** The cluster does not live without them: the Service of the API server is in the first, what all may read in the last. */
const lasting: readonly string[] = ["default", "kube-system", "kube-public"];

/** @throws StatusError 403 for a namespace that is not to be deleted. */
export function checkMayBeDeleted(resource: Resource, name: string): void {
  if (resource.group !== "" || resource.plural !== "namespaces" || !lasting.includes(name)) return;
  throw forbidden(resource, name, { message: "this namespace may not be deleted" });
}
