import type { ApiObject } from "../api-object.ts";
import { copyJson, isRecord, listAt, numberAt, recordAt, recordsAt, stringAt } from "../api-object.ts";
import type { ServiceAccountTokens } from "../identity/tokens.ts";
import { PodLogError, type LogOptions, type PodLogs } from "../pod-logs.ts";
import type { PodExec } from "../pod-exec.ts";
import { deleteObject } from "../registry/delete.ts";
import { timestampOf } from "../registry/metadata.ts";
import { getObject } from "../registry/read.ts";
import type { Registry, WriteRequest } from "../registry/request.ts";
import { updateObject } from "../registry/update.ts";
import { badRequest, conflict, methodNotAllowed, noSuchResource, notImplemented } from "../status-error.ts";
import { optionalRecord, readObjectBody, sendJson, type Exchange } from "./exchange.ts";
import { isSet, type ResourceRequest } from "./request-info.ts";

export interface SubresourceDeps {
  readonly registry: Registry;
  readonly tokens: ServiceAccountTokens;
  podLogs(): PodLogs | undefined;
  podExec(): PodExec | undefined;
}

interface SubresourceCall {
  readonly exchange: Exchange;
  readonly target: ResourceRequest;
  readonly request: WriteRequest;
  readonly verb: string;
}

type Serve = (deps: SubresourceDeps, call: SubresourceCall) => Promise<void>;

const servers: Readonly<Record<string, Serve>> = {
  "pods/log": serveLog,
  "pods/binding": serveBinding,
  "pods/eviction": serveEviction,
  "pods/exec": serveCommand,
  "pods/attach": serveOutput,
  "pods/portforward": servePorts,
  "serviceaccounts/token": serveToken,
  "namespaces/finalize": serveFinalize,
};

/** Answers one request for what lies below an object, beside its status and scale. */
export async function serveSubresource(deps: SubresourceDeps, call: SubresourceCall): Promise<void> {
  const { resource } = call.request;
  const subresource = resource.subresources.find(({ name }) => name === call.target.subresource);
  const serve = servers[`${resource.plural}/${call.target.subresource}`];
  if (subresource === undefined || serve === undefined || resource.isCustom) throw noSuchResource();
  if (!subresource.verbs.includes(call.verb)) throw methodNotAllowed(resource, call.verb);
  return serve(deps, call);
}

async function serveOutput(deps: SubresourceDeps, { exchange, target, request }: SubresourceCall): Promise<void> {
  const pod = getObject(deps.registry, request, target.name);
  const container = containerOf(pod, exchange.query.get("container") ?? "");
  const { serveAttach } = await import("../exec/serve-attach.ts");
  const name = { namespace: target.namespace, pod: target.name, container };
  await serveAttach(deps.podLogs(), { exchange, container: name });
}

async function servePorts(
  { registry }: SubresourceDeps,
  { exchange, target, request }: SubresourceCall,
): Promise<void> {
  const pod = getObject(registry, request, target.name);
  // Loaded with the first connection: a cluster starts without it.
  const { servePortForward } = await import("../exec/serve-port-forward.ts");
  servePortForward(exchange, pod);
}

async function serveCommand(deps: SubresourceDeps, { exchange, target, request }: SubresourceCall): Promise<void> {
  const pod = getObject(deps.registry, request, target.name);
  const container = containerOf(pod, exchange.query.get("container") ?? "");
  // Loaded with the first command: a cluster starts without it.
  const { serveExec } = await import("../exec/serve-exec.ts");
  const name = { namespace: target.namespace, pod: target.name, container };
  await serveExec(deps.podExec(), { exchange, pod, container: name });
}

async function serveLog(deps: SubresourceDeps, { exchange, target, request }: SubresourceCall): Promise<void> {
  const { query, response } = exchange;
  const pod = getObject(deps.registry, request, target.name);
  const container = containerOf(pod, query.get("container") ?? "");
  const podLogs = deps.podLogs();
  if (podLogs === undefined) throw notImplemented("this API server runs without a node: there are no logs");
  if (stringAt(pod, "spec", "nodeName") === "") {
    throw badRequest(`container "${container}" in pod "${target.name}" is waiting to start: no node has been assigned`);
  }
  const abort = new AbortController();
  response.on("close", () => abort.abort());
  const options = { ...parseLogOptions(query, deps.registry.now().getTime()), signal: abort.signal };
  const chunks = podLogs
    .openLog({ namespace: target.namespace, pod: target.name, container }, options)
    [Symbol.asyncIterator]();
  const first = await firstOf(chunks);
  response.writeHead(200, { "Content-Type": "text/plain", "Cache-Control": "no-cache, private" });
  response.flushHeaders();
  let bytesLeft = Number(query.get("limitBytes") ?? Number.POSITIVE_INFINITY);
  for (let next = first; next.done !== true && bytesLeft > 0; next = await chunks.next()) {
    const chunk = next.value.subarray(0, bytesLeft);
    bytesLeft -= chunk.length;
    if (!response.write(chunk)) await drained(exchange);
    if (response.destroyed) break;
  }
  await chunks.return?.();
  response.end();
}

async function firstOf(chunks: AsyncIterator<Buffer>): Promise<IteratorResult<Buffer>> {
  try {
    return await chunks.next();
  } catch (error) {
    throw error instanceof PodLogError ? badRequest(error.message) : error;
  }
}

function drained({ response }: Exchange): Promise<void> {
  return new Promise((resolve) => {
    response.once("drain", resolve);
    response.once("close", resolve);
  });
}

function containerOf(pod: ApiObject, asked: string): string {
  const containers = recordsAt(pod, "spec", "containers");
  const initContainers = recordsAt(pod, "spec", "initContainers");
  const names = [...containers, ...initContainers].map((container) => stringAt(container, "name"));
  if (asked !== "") {
    if (names.includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${pod.metadata.name ?? ""}`);
  }
  const preferred = pod.metadata.annotations?.["kubectl.kubernetes.io/default-container"];
  if (preferred !== undefined && names.includes(preferred)) return preferred;
  if (containers.length === 1) return names[0] ?? "";
  throw badRequest(
    `a container name must be specified for pod ${pod.metadata.name ?? ""}, choose one of: [${names.join(" ")}]`,
  );
}

function parseLogOptions(query: URLSearchParams, nowMs: number): LogOptions {
  const sinceTime = query.get("sinceTime");
  const sinceText = query.get("sinceSeconds");
  const tailText = query.get("tailLines");
  const sinceSeconds =
    sinceTime === null
      ? numberOf(sinceText, "sinceSeconds")
      : Math.max(1, Math.ceil((nowMs - Date.parse(sinceTime)) / 1000));
  const tailLines = numberOf(tailText, "tailLines");
  return {
    follow: isSet(query.get("follow")),
    previous: isSet(query.get("previous")),
    timestamps: isSet(query.get("timestamps")),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(tailLines === undefined ? {} : { tailLines }),
  };
}

function numberOf(text: string | null, name: string): number | undefined {
  if (text === null || text === "") return undefined;
  if (!/^\d{1,15}$/.test(text)) throw badRequest(`${name}: Invalid value: "${text}": must be a number, not below 0`);
  return Number(text);
}

async function serveBinding({ registry }: SubresourceDeps, call: SubresourceCall): Promise<void> {
  const { exchange, target, request } = call;
  const binding = optionalRecord(await readObjectBody(exchange));
  const nodeName = stringAt(binding, "target", "name");
  if (nodeName === "") throw badRequest("binding.target.name is required");
  const { subresource: _, ...update } = request;
  await updateObject(registry, update, {
    name: target.name,
    isReplace: false,
    produce(pod) {
      const bound = stringAt(pod, "spec", "nodeName");
      if (bound !== "")
        throw conflict(request.resource, target.name, `pod ${target.name} is already assigned to node "${bound}"`);
      return { ...pod, spec: { ...recordAt(pod, "spec"), nodeName } };
    },
  });
  sendJson(exchange, 201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
}

async function serveEviction({ registry }: SubresourceDeps, call: SubresourceCall): Promise<void> {
  const { exchange, target, request } = call;
  const eviction = optionalRecord(await readObjectBody(exchange));
  const graceSeconds = numberAt(eviction, "deleteOptions", "gracePeriodSeconds");
  const { subresource: _, ...write } = request;
  const isDryRun = listAt(eviction, "deleteOptions", "dryRun").includes("All");
  const deletion = { ...write, dryRun: write.dryRun || isDryRun };
  const options = graceSeconds === undefined ? {} : { gracePeriodSeconds: graceSeconds };
  await deleteObject(registry, deletion, { name: target.name, options });
  sendJson(exchange, 201, { kind: "Status", apiVersion: "v1", metadata: {}, status: "Success", code: 201 });
}

const tokenSecondsMin = 600;
const tokenSecondsDefault = 3600;

async function serveToken({ registry, tokens }: SubresourceDeps, call: SubresourceCall): Promise<void> {
  const { exchange, target, request } = call;
  const account = getObject(registry, request, target.name);
  const body = optionalRecord(await readObjectBody(exchange));
  const spec = recordAt(body, "spec");
  const expirationSeconds = numberAt(spec, "expirationSeconds") ?? tokenSecondsDefault;
  if (expirationSeconds < tokenSecondsMin) {
    throw badRequest(
      `spec.expirationSeconds: Invalid value: ${expirationSeconds}: may not specify a duration less than 10 minutes`,
    );
  }
  const audiences = listAt(spec, "audiences").map(String);
  const bound = spec["boundObjectRef"];
  const pod =
    isRecord(bound) && bound["kind"] === "Pod"
      ? { name: stringAt(bound, "name"), uid: stringAt(bound, "uid") }
      : undefined;
  const minted = tokens.mint(account, { audiences, expirationSeconds, ...(pod === undefined ? {} : { pod }) });
  sendJson(exchange, 201, {
    kind: "TokenRequest",
    apiVersion: "authentication.k8s.io/v1",
    metadata: { name: target.name, namespace: target.namespace, creationTimestamp: timestampOf(registry.now()) },
    spec: { audiences: minted.audiences, expirationSeconds, boundObjectRef: copyJson(bound ?? null) },
    status: { token: minted.token, expirationTimestamp: timestampOf(new Date(minted.expiresAtMs)) },
  });
}

async function serveFinalize({ registry }: SubresourceDeps, call: SubresourceCall): Promise<void> {
  const { exchange, target, request } = call;
  const body = optionalRecord(await readObjectBody(exchange));
  const { subresource: _, ...update } = request;
  const updated = await updateObject(registry, update, {
    name: target.name,
    isReplace: false,
    produce: (namespace) => ({ ...namespace, spec: recordAt(body, "spec") }),
  });
  sendJson(exchange, 200, updated);
}
