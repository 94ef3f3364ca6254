import type { ApiObject } from "../api-object.ts";
import { listAt, numberAt, recordAt, stringAt } from "../api-object.ts";
import { createObject } from "../registry/create.ts";
import { reportMistakes } from "../registry/decode.ts";
import { deleteObject, type DeleteOptions } from "../registry/delete.ts";
import { applyObject, type ApplySource } from "../registry/apply.ts";
import { applyPatch, patchObject, patchTypes } from "../registry/patch.ts";
import { listPage } from "../registry/list-page.ts";
import { getObject, listObjects } from "../registry/read.ts";
import type { FieldValidation, Registry, WriteRequest } from "../registry/request.ts";
import { applyScale, getScale, updateScale } from "../registry/scale.ts";
import { updateObject } from "../registry/update.ts";
import { presentDeletion, presentList, presentObject } from "../reading/present.ts";
import type { Resource } from "../resource.ts";
import { notSupported, required } from "../field-cause.ts";
import { invalid, methodNotAllowed, noSuchResource, StatusError, unsupportedMediaType } from "../status-error.ts";
import type { Exchange } from "./exchange.ts";
import { contentTypeOf, optionalRecord, readBody, readObjectBody, sendJson, sendJsonText } from "./exchange.ts";
import { parseJsonText, parseYamlText, textOfBody } from "./parse-body.ts";
import { listOptionsOf } from "./list-options-of.ts";
import { selectorsOf } from "./selectors-of.ts";
import { isSet, type ResourceRequest, verbOf } from "./request-info.ts";
import { serveSubresource, type SubresourceDeps } from "./serve-subresource.ts";
import { serveWatch, type Watches } from "./serve-watch.ts";
import type { User } from "../identity/user.ts";

export interface ResourceDeps extends SubresourceDeps {
  readonly registry: Registry;
  readonly watches: Watches;
}

interface Call {
  readonly exchange: Exchange;
  readonly target: ResourceRequest;
  readonly request: WriteRequest;
}

/** Answers one request for objects of one kind. @throws StatusError for everything it refuses. */
export async function serveResource(deps: ResourceDeps, exchange: Exchange, target: ResourceRequest): Promise<void> {
  const { user } = exchange;
  const resource = deps.registry.resources.find(target.group, target.version, target.plural);
  if (resource === undefined || user === undefined) throw noSuchResource();
  if (!resource.namespaced && target.namespace !== "") throw noSuchResource();
  const verb = verbOf(exchange.request.method, exchange.query, target);
  if (resource.deprecationWarning !== undefined) exchange.warnings.push(resource.deprecationWarning);
  const call: Call = { exchange, target, request: writeRequestOf(exchange, target, { resource, user }) };
  if (target.subresource === "scale") return serveScale(deps, call, verb);
  if (target.subresource !== "" && target.subresource !== "status") return serveSubresource(deps, { ...call, verb });
  checkVerb(resource, target, verb);
  return serveVerb(deps, call, verb);
}

function checkVerb(resource: Resource, { subresource }: ResourceRequest, verb: string): void {
  if (subresource === "status" && !resource.hasStatus) throw noSuchResource();
  const isSupported =
    subresource === "status" ? ["get", "update", "patch"].includes(verb) : resource.verbs.includes(verb);
  if (!isSupported) throw methodNotAllowed(resource, verb);
}

function writeRequestOf(
  exchange: Exchange,
  target: ResourceRequest,
  who: { resource: Resource; user: User },
): WriteRequest {
  const { query, warnings } = exchange;
  return {
    ...who,
    namespace: target.namespace,
    ...(target.subresource === "" ? {} : { subresource: target.subresource }),
    dryRun: parseDryRun(query.getAll("dryRun")),
    fieldManager: fieldManagerOf(exchange),
    fieldValidation: parseFieldValidation(query.get("fieldValidation")),
    warn: (text) => {
      if (warnings.length < 20) warnings.push(text);
    },
  };
}

const writeOptions = { group: "meta.k8s.io", plural: "", kind: "WriteOptions" };
const fieldManagerLengthMax = 128;

/** As named, or else the program that asks. */
function fieldManagerOf({ query, request }: Exchange): string {
  const named = query.get("fieldManager") ?? "";
  if (named.length > fieldManagerLengthMax) {
    throw invalid(patchOptions, "", [
      {
        reason: "FieldValueTooLong",
        message: `Too long: may not be more than ${fieldManagerLengthMax} bytes`,
        field: "fieldManager",
      },
    ]);
  }
  return named || (request.headers["user-agent"] ?? "").split("/")[0]?.slice(0, fieldManagerLengthMax) || "unknown";
}

function parseDryRun(values: readonly string[]): boolean {
  const wrong = values.find((value) => value !== "All" && value !== "");
  if (wrong !== undefined) throw invalid(writeOptions, "", [notSupported("dryRun", wrong, ["All"])]);
  return values.includes("All");
}

function parseFieldValidation(value: string | null): FieldValidation {
  if (value === null || value === "") return "Warn";
  if (value === "Ignore" || value === "Warn" || value === "Strict") return value;
  throw invalid(writeOptions, "", [notSupported("fieldValidation", value, ["Ignore", "Strict", "Warn"])]);
}

async function serveVerb(deps: ResourceDeps, call: Call, verb: string): Promise<void> {
  const { registry } = deps;
  const { target, request } = call;
  switch (verb) {
    case "get":
      return send(call, 200, getObject(registry, request, target.name));
    case "list":
      return serveList(registry, call);
    case "watch":
      return serveWatch({ registry, watches: deps.watches }, call.exchange, request);
    case "create":
      if (target.name !== "") throw methodNotAllowed(request.resource, "create");
      return send(call, 201, await createObject(registry, request, await readObject(call)));
    case "update": {
      const body = await readObject(call);
      return send(
        call,
        200,
        await updateObject(registry, request, { name: target.name, isReplace: true, produce: () => body }),
      );
    }
    case "patch":
      if (isApply(call.exchange)) return serveApply(registry, call);
      return send(
        call,
        200,
        await patchObject(registry, request, { name: target.name, ...(await readPatch(call.exchange)) }),
      );
    case "delete":
      return serveDelete(registry, call);
    default:
      return serveDeleteCollection(registry, call);
  }
}

async function readObject({ exchange, request }: Call): Promise<unknown> {
  const body = await readObjectBody(exchange);
  reportMistakes(
    request,
    exchange.duplicateFields.map((path) => `duplicate field "${path}"`),
  );
  return body;
}

function send({ exchange, request }: Call, code: number, object: ApiObject): void {
  sendJsonText(exchange, code, presentObject(exchange, request.resource, object));
}

function serveList(registry: Registry, call: Call): void {
  const { exchange, request } = call;
  const { query } = exchange;
  const list = listPage(registry, request, listOptionsOf(query));
  sendJsonText(exchange, 200, presentList(exchange, request.resource, list));
}

async function readPatch(exchange: Exchange): Promise<{ type: "json" | "merge" | "strategic"; patch: unknown }> {
  const contentType = contentTypeOf(exchange);
  const supported = [...patchTypes.keys(), applyType];
  const type = patchTypes.get(contentType);
  if (type === undefined) throw unsupportedMediaType(supported);
  const patch = parseJsonText(textOfBody(await readBody(exchange)));
  return { type, patch };
}

function isApply(exchange: Exchange): boolean {
  return contentTypeOf(exchange) === applyType;
}

async function serveApply(registry: Registry, call: Call): Promise<void> {
  const { exchange, target, request } = call;
  const { object, isCreated } = await applyObject(registry, request, await readApply(exchange, target.name));
  send(call, isCreated ? 201 : 200, object);
}

async function readApply(exchange: Exchange, name: string): Promise<ApplySource> {
  const { query } = exchange;
  const manager = query.get("fieldManager") ?? "";
  if (manager === "") {
    throw invalid(patchOptions, "", [required("fieldManager", "is required for apply patch")]);
  }
  const config = await parseYamlText(textOfBody(await readBody(exchange)));
  return { name, config, manager, force: isSet(query.get("force")) };
}

const applyType = "application/apply-patch+yaml";
const patchOptions = { group: "meta.k8s.io", plural: "", kind: "PatchOptions" };

async function readDeleteOptions(exchange: Exchange): Promise<DeleteOptions & { dryRun: boolean }> {
  const body = optionalRecord(await readObjectBody(exchange));
  const { query } = exchange;
  const graceText = query.get("gracePeriodSeconds");
  const graceSeconds = numberAt(body, "gracePeriodSeconds") ?? (graceText === null ? undefined : Number(graceText));
  const orphan =
    body["orphanDependents"] === undefined ? undefined : body["orphanDependents"] === true ? "Orphan" : "Background";
  const policy = stringAt(body, "propagationPolicy") || query.get("propagationPolicy") || orphan;
  const { uid, resourceVersion } = recordAt(body, "preconditions");
  return {
    dryRun: parseDryRun(listAt(body, "dryRun").map(String)),
    ...(policy === undefined ? {} : { propagationPolicy: policy }),
    ...(graceSeconds === undefined || Number.isNaN(graceSeconds) ? {} : { gracePeriodSeconds: graceSeconds }),
    preconditions: {
      ...(typeof uid === "string" ? { uid } : {}),
      ...(typeof resourceVersion === "string" ? { resourceVersion } : {}),
    },
  };
}

async function serveDelete(registry: Registry, call: Call): Promise<void> {
  const { exchange, target } = call;
  const { dryRun, ...options } = await readDeleteOptions(exchange);
  const request = { ...call.request, dryRun: call.request.dryRun || dryRun };
  const deletion = await deleteObject(registry, request, { name: target.name, options });
  sendJsonText(exchange, 200, presentDeletion(exchange, request.resource, deletion));
}

async function serveDeleteCollection(registry: Registry, call: Call): Promise<void> {
  const { exchange } = call;
  const { dryRun, ...options } = await readDeleteOptions(exchange);
  const request = { ...call.request, dryRun: call.request.dryRun || dryRun };
  const list = listObjects(registry, request, selectorsOf(exchange.query));
  for (const { metadata } of list.items) {
    const { name = "", namespace = "" } = metadata;
    try {
      await deleteObject(registry, { ...request, namespace }, { name, options });
    } catch (error) {
      if (!(error instanceof StatusError) || error.status.reason !== "NotFound") throw error;
    }
  }
  sendJsonText(exchange, 200, presentList(exchange, request.resource, list));
}

async function serveScale({ registry }: ResourceDeps, call: Call, verb: string): Promise<void> {
  const { exchange, target, request } = call;
  const { name } = target;
  if (request.resource.scale === undefined) throw noSuchResource();
  if (verb === "get") return sendJson(exchange, 200, getScale(registry, request, name));
  if (verb === "update") {
    const body = await readObjectBody(exchange);
    return sendJson(exchange, 200, await updateScale(registry, request, { name, produce: () => body }));
  }
  if (verb !== "patch") throw methodNotAllowed(request.resource, verb);
  if (isApply(exchange)) {
    return sendJson(exchange, 200, await applyScale(registry, request, await readApply(exchange, name)));
  }
  const { type, patch } = await readPatch(exchange);
  const produce = (scale: ApiObject): unknown => applyPatch(type, scale, { patch });
  sendJson(exchange, 200, await updateScale(registry, request, { name, produce }));
}
