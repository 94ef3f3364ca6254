import type { ApiObject } from "../api-object.ts";
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
