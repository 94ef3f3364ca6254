import type { ApiObject, JsonObject } from "../api-object.ts";
import { copyJson, ensureRecord, isRecord, numberAt, recordAt, setField } from "../api-object.ts";
import { invalidValue } from "../field-cause.ts";
import type { Resource, ScalePaths } from "../resource.ts";
import { badRequest, conflict, invalid, noSuchResource } from "../status-error.ts";
import { applyObject, type ApplySource } from "./apply.ts";
import { getObject } from "./read.ts";
import type { Registry, RequestScope, WriteRequest } from "./request.ts";
import { updateObject } from "./update.ts";

/** The `autoscaling/v1` Scale of an object. @throws StatusError 404 when it or its kind has none. */
export function getScale(registry: Registry, scope: RequestScope, name: string): ApiObject {
  return scaleOf(scope.resource, getObject(registry, scope, name));
}

/** Sets the replicas of an object through its Scale; `produce` makes the wanted Scale from the current one. */
export async function updateScale(
  registry: Registry,
  request: WriteRequest,
  source: { name: string; produce: (scale: ApiObject) => unknown },
): Promise<ApiObject> {
  const { resource } = request;
  const updated = await updateObject(
    registry,
    { ...request, subresource: "scale" },
    {
      name: source.name,
      isReplace: false,
      produce: (current) => withScale(resource, current, source.produce(scaleOf(resource, current))),
    },
  );
  return scaleOf(resource, updated);
}

/** Applies a Scale server-side: its replicas get an owner, which a later apply of the object itself has to reckon with. */
export async function applyScale(registry: Registry, request: WriteRequest, source: ApplySource): Promise<ApiObject> {
  const { resource } = request;
  const { spec, metadata } = parseScale(source.config, source.name);
  const { name, uid, resourceVersion } = metadata;
  const config: JsonObject = { metadata: { name, uid, resourceVersion } };
  if (spec.replicas !== undefined) setPath(config, pathsOf(resource).specReplicas, spec.replicas);
  const { object } = await applyObject(registry, { ...request, subresource: "scale" }, { ...source, config });
  return scaleOf(resource, object);
}

function scaleOf(resource: Resource, object: ApiObject): ApiObject {
  const paths = pathsOf(resource);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.selector(object);
  return {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: copyJson({ name, namespace, uid, resourceVersion, creationTimestamp }) as ApiObject["metadata"],
    spec: { replicas: numberAt(object, ...paths.specReplicas) ?? 0 },
    status: {
      replicas: numberAt(object, ...paths.statusReplicas) ?? 0,
      ...(selector === "" ? {} : { selector }),
    },
  };
}

function pathsOf(resource: Resource): ScalePaths {
  if (resource.scale === undefined) throw noSuchResource();
  return resource.scale;
}

interface WantedScale {
  readonly metadata: JsonObject;
  readonly spec: { readonly replicas?: number };
}

function parseScale(scale: unknown, name: string): WantedScale {
  if (!isRecord(scale) || (scale["kind"] ?? "Scale") !== "Scale")
    throw badRequest("the body of the request must be a Scale object");
  const { replicas } = recordAt(scale, "spec");
  if (replicas === undefined || replicas === null) return { metadata: recordAt(scale, "metadata"), spec: {} };
  if (typeof replicas !== "number" || !Number.isInteger(replicas) || replicas < 0) {
    const subject = { group: "autoscaling", plural: "scales", kind: "Scale" };
    throw invalid(subject, name, [invalidValue("spec.replicas", replicas, "must be greater than or equal to 0")]);
  }
  return { metadata: recordAt(scale, "metadata"), spec: { replicas } };
}

function withScale(resource: Resource, current: ApiObject, scale: unknown): ApiObject {
  const name = current.metadata.name ?? "";
  const { metadata, spec } = parseScale(scale, name);
  const isOther = (given: unknown, own: string | undefined): boolean =>
    given !== undefined && given !== "" && given !== own;
  const { resourceVersion, uid } = metadata;
  if (isOther(resourceVersion, current.metadata.resourceVersion) || isOther(uid, current.metadata.uid)) {
    throw conflict(resource, name);
  }
  const next = copyJson(current);
  setPath(next, pathsOf(resource).specReplicas, spec.replicas ?? 0);
  return next;
}

function setPath(object: JsonObject, path: readonly string[], value: unknown): void {
  let parent = object;
  for (const field of path.slice(0, -1)) parent = ensureRecord(parent, field);
  setField(parent, path.at(-1) ?? "", value);
}
