import type { ApiObject, JsonObject } from "../api-object.ts";
import { copyJson, equalJson, isRecord, recordAt, stringAt } from "../api-object.ts";
import { fieldsV1Of, leavesOf, pathText, treeOf, type FieldPath, type Leaves } from "../apply/field-paths.ts";
import * as managed from "../apply/managed-fields.ts";
import { mergeApplied, removeUnapplied } from "../apply/merge-applied.ts";
import { shapeOf } from "../apply/shape.ts";
import { kindTypeOf } from "../fields/kind-type-of.ts";
import { FieldTypeError, readFields } from "../fields/read-fields.ts";
import { apiVersionOf, type Resource } from "../resource.ts";
import { applyConflict, badRequest, notFound, StatusError, type StatusCause } from "../status-error.ts";
import { createObject, storeKey } from "./create.ts";
import { timestampOf } from "./metadata.ts";
import type { Registry, WriteRequest } from "./request.ts";
import { updateObject } from "./update.ts";

// Server-side apply: the body is all that its manager wants to own. What it names is set, what it named before and no longer
// does goes unless somebody else owns it, and what somebody else owns with another value is a conflict.

export interface ApplySource {
  readonly name: string;
  /** The fields the manager wants, parsed from the body. */
  readonly config: unknown;
  readonly manager: string;
  readonly force: boolean;
}

interface Application extends ApplySource {
  readonly config: JsonObject;
  readonly owner: managed.FieldOwner;
  readonly leaves: Leaves;
  readonly time: string;
}

const attemptsMax = 3;

/**
 * Applies a configuration; makes the object when there is none. Applying the same again changes nothing.
 *
 * @throws StatusError 409 with a cause per field that somebody else owns, unless `force` takes them.
 */
export async function applyObject(
  registry: Registry,
  request: WriteRequest,
  source: ApplySource,
): Promise<{ object: ApiObject; isCreated: boolean }> {
  const application = parseApplication(registry, request, source);
  const write = { ...request, ownsFields: true };
  const key = storeKey(request.resource, request.namespace, source.name);
  for (let attempt = 1; ; attempt++) {
    const isThere = registry.store.get(key) !== undefined;
    if (!isThere && request.subresource !== undefined) throw notFound(request.resource, source.name);
    try {
      if (!isThere) return { object: await createApplied(registry, write, application), isCreated: true };
      const update = {
        name: source.name,
        isReplace: false,
        produce: (current: ApiObject): unknown => applyTo(request.resource, current, application),
      };
      return { object: await updateObject(registry, write, update), isCreated: false };
    } catch (error) {
      // It came or went while we looked.
      const isRace = error instanceof StatusError && error.status.reason === (isThere ? "NotFound" : "AlreadyExists");
      if (!isRace || attempt === attemptsMax) throw error;
    }
  }
}

function createApplied(registry: Registry, request: WriteRequest, application: Application): Promise<ApiObject> {
  const { config, owner, leaves, time } = application;
  const ownership = { ...owner, time, fields: new Set(leaves.keys()) };
  const metadata = { ...recordAt(config, "metadata"), managedFields: managed.entriesOf([ownership]) };
  return createObject(registry, request, { ...config, metadata });
}

function parseApplication(registry: Registry, request: WriteRequest, source: ApplySource): Application {
  const { resource, subresource = "" } = request;
  const { config: body, name, manager } = source;
  if (!isRecord(body)) throw badRequest(`the body of the request must be a ${resource.kind} object`);
  if (recordAt(body, "metadata")["managedFields"] !== undefined) {
    throw badRequest("metadata.managedFields must be nil");
  }
  const given = stringAt(body, "metadata", "name");
  if (given !== "" && given !== name) {
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${name})`);
  }
  const metadata = { ...recordAt(body, "metadata"), name };
  const config = { ...readConfig(request, name, body), metadata };
  const part = managed.ownablePart(resource, config, subresource);
  const leaves = leavesOf(part, shapeOf(resource), (path, problem) => {
    throw untyped(request, name, `${pathText(path)}: ${problem}`);
  });
  const owner = { manager, operation: "Apply", apiVersion: apiVersionOf(resource), subresource } as const;
  return { ...source, config, owner, leaves, time: timestampOf(registry.now()) };
}

/** The body in the form in which the kind is stored, without defaults: those are nobody's wish. */
function readConfig(request: WriteRequest, name: string, body: JsonObject): JsonObject {
  const type = kindTypeOf(request.resource);
  if (type === undefined) return copyJson(body);
  try {
    return readFields(body, type, (path) => {
      throw untyped(request, name, `.${path}: field not declared in schema`);
    });
  } catch (error) {
    throw error instanceof FieldTypeError ? untyped(request, name, error.message) : error;
  }
}

function untyped({ resource, namespace }: WriteRequest, name: string, problem: string): StatusError {
  const object = `${namespace === "" ? "" : `${namespace}/`}${name}; ${apiVersionOf(resource)}, Kind=${resource.kind}`;
  return new StatusError(500, "", { message: `failed to create typed patch object (${object}): ${problem}` });
}

function applyTo(resource: Resource, current: ApiObject, application: Application): unknown {
  const { config, owner, leaves, time } = application;
  const { subresource } = owner;
  const shape = shapeOf(resource);
  const known = managed.parseOwnerships(current.metadata.managedFields);
  const owners =
    current.metadata.managedFields === undefined ? managed.ownersBeforeFirstApply(resource, current) : known;
  const own = owners.find((other) => managed.isSameOwner(other, owner));
  const others = owners.filter((other) => other !== own);

  const part = managed.ownablePart(resource, config, subresource);
  const merged = mergeApplied(current, part, shape) as JsonObject;
  const next = removeUnapplied(merged, shape, {
    last: treeOf(own?.fields ?? []),
    next: treeOf(leaves.keys()),
    others: treeOf(others.flatMap(({ fields }) => [...fields])),
  });
  const changes = managed.compareLeaves(
    managed.ownableLeaves(resource, current, subresource),
    managed.ownableLeaves(resource, next, subresource),
  );
  const taken = takenFields(resource, current, { application, others, changed: changes.changed });
  const left = others.map((other) => ({
    ...other,
    fields: other.fields.difference(taken).difference(changes.removed),
  }));

  const fields = new Set(leaves.keys());
  const isSame = own !== undefined && equalJson(fieldsV1Of(own.fields), fieldsV1Of(fields));
  const managedFields = managed.entriesOf([...left, { ...owner, time: isSame ? own.time : time, fields }]);
  const { resourceVersion = current.metadata.resourceVersion, uid = current.metadata.uid } = recordAt(
    config,
    "metadata",
  );
  return { ...next, metadata: { ...recordAt(next, "metadata"), resourceVersion, uid, managedFields } };
}

interface Contest {
  readonly application: Application;
  readonly others: readonly managed.Ownership[];
  readonly changed: ReadonlySet<FieldPath>;
}

/** The fields that change hands. @throws StatusError 409 when they may not. */
function takenFields(resource: Resource, current: ApiObject, contest: Contest): ReadonlySet<FieldPath> {
  const { application, others, changed } = contest;
  const wanted = changed.intersection(new Set(application.leaves.keys()));
  if (application.force || isKubectlsOwn(resource, current, contest)) return wanted;
  const causes: StatusCause[] = [];
  const texts = new Map<string, string[]>();
  for (const other of others) {
    const owner = ownerText(other);
    for (const path of [...other.fields.intersection(wanted)].map(pathText)) {
      causes.push({ reason: "FieldManagerConflict", message: `conflict with ${owner}`, field: path });
      if (texts.get(owner)?.push(path) === undefined) texts.set(owner, [path]);
    }
  }
  if (causes.length > 0) throw applyConflict(causes, conflictText(causes, texts));
  return wanted;
}

/** kubectl may change without force what it applied itself before it was told to apply on the server. */
function isKubectlsOwn(resource: Resource, current: ApiObject, { application, others, changed }: Contest): boolean {
  if (application.manager !== "kubectl") return false;
  const applied = managed.appliedByKubectl(resource, current);
  if (applied.size === 0) return false;
  const live = managed.ownableLeaves(resource, current, "");
  const contested = others.flatMap(({ fields }) => [...fields].filter((path) => changed.has(path)));
  return contested.every((path) => applied.has(path) && equalJson(applied.get(path), live.get(path)));
}

function ownerText({ manager, operation, apiVersion, subresource, time }: managed.Ownership): string {
  const name = `${JSON.stringify(manager)}${subresource === "" ? "" : ` with subresource ${JSON.stringify(subresource)}`}`;
  if (operation === "Apply") return name;
  return `${name} using ${apiVersion}${time === "" ? "" : ` at ${time}`}`;
}

function conflictText(causes: readonly StatusCause[], texts: ReadonlyMap<string, readonly string[]>): string {
  const [first] = causes;
  if (causes.length === 1 && first !== undefined) {
    return `Apply failed with 1 conflict: ${first.message}: ${first.field ?? ""}`;
  }
  const lines = [...texts].flatMap(([owner, paths]) => [
    `conflicts with ${owner}:`,
    ...paths.map((path) => `- ${path}`),
  ]);
  return `Apply failed with ${causes.length} conflicts: ${lines.join("\n")}`;
}
