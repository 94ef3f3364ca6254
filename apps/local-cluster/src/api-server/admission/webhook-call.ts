import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { request as httpsRequest, type Agent } from "node:https";
import type { Store } from "../../storage/store.ts";
import type { JsonObject } from "../api-object.ts";
import { isRecord, stringAt } from "../api-object.ts";
import { userInfoOf } from "../identity/user-info.ts";
import type { Resource } from "../resource.ts";
import type { AdmissionReviewed } from "./admission.ts";
import { resolveWebhook, type WebhookAddress } from "./webhook-address.ts";
import type { Webhook } from "./webhook-configurations.ts";

const answerBytesMax = 8 * 1024 * 1024;

/** Asks one webhook, and returns the `response` of its review. @throws Error when it cannot be reached or answers nonsense. */
export async function callWebhook(
  { store, agent }: { store: Store; agent: Agent },
  webhook: Webhook,
  reviewed: AdmissionReviewed,
): Promise<JsonObject> {
  const version = webhook.reviewVersions.find((candidate) => candidate === "v1" || candidate === "v1beta1") ?? "v1";
  const uid = randomUUID();
  const review = {
    kind: "AdmissionReview",
    apiVersion: `admission.k8s.io/${version}`,
    request: requestOf(reviewed, uid),
  };
  const address = resolveWebhook(store, webhook.clientConfig);
  const url = `${address.url}${address.url.includes("?") ? "&" : "?"}timeout=${webhook.timeoutSeconds}s`;
  try {
    const text = await post(address, { agent, webhook, body: JSON.stringify(review) });
    return responseOf(text, uid);
  } catch (error) {
    throw new Error(`Post "${url}": ${failureText(error)}`, { cause: error });
  }
}

function failureText(error: unknown): string {
  return stringAt(error, "message") || String(error);
}

function requestOf(reviewed: AdmissionReviewed, uid: string): JsonObject {
  const { request, operation, name, object, oldObject } = reviewed;
  const { resource, subresource, namespace, user, dryRun } = request;
  const kind = { group: resource.group, version: resource.version, kind: resource.kind };
  const plural = { group: resource.group, version: resource.version, resource: resource.plural };
  return {
    uid,
    kind,
    resource: plural,
    ...(subresource === undefined ? {} : { subResource: subresource, requestSubResource: subresource }),
    requestKind: kind,
    requestResource: plural,
    name,
    ...(namespaceOf(resource, namespace, name) === "" ? {} : { namespace: namespaceOf(resource, namespace, name) }),
    operation,
    userInfo: userInfoOf(user),
    object: object ?? null,
    oldObject: oldObject ?? null,
    dryRun,
    options: { kind: optionKinds[operation], apiVersion: "meta.k8s.io/v1" },
  };
}

const optionKinds = { CREATE: "CreateOptions", UPDATE: "UpdateOptions", DELETE: "DeleteOptions" } as const;

function namespaceOf(resource: Resource, namespace: string, name: string): string {
  return resource.storageType === "/namespaces" ? name : namespace;
}

interface Post {
  readonly agent: Agent;
  readonly webhook: Webhook;
  readonly body: string;
}

/** Posts a review. A kept connection that its server closed at that very moment is no failure: it is tried once more. */
async function post(address: WebhookAddress, call: Post): Promise<string> {
  const signal = AbortSignal.timeout(call.webhook.timeoutSeconds * 1000);
  try {
    return await postOnce(address, call, signal);
  } catch (error) {
    if (signal.aborted) throw new Error("context deadline exceeded", { cause: error });
    if (!isRecord(error) || error["isStaleConnection"] !== true) throw error;
    return postOnce(address, call, signal);
  }
}

function postOnce(address: WebhookAddress, { agent, webhook, body }: Post, signal: AbortSignal): Promise<string> {
  const caBundle = stringAt(webhook.clientConfig, "caBundle");
  const path = address.path.startsWith("/") ? address.path : `/${address.path}`;
  return new Promise((resolve, reject) => {
    const call = httpsRequest({
      agent,
      method: "POST",
      host: address.host,
      port: address.port,
      servername: isAddress(address.serverName) ? "" : address.serverName,
      path: `${path}${path.includes("?") ? "&" : "?"}timeout=${webhook.timeoutSeconds}s`,
      ...(caBundle === "" ? {} : { ca: Buffer.from(caBundle, "base64").toString() }),
      headers: {
        Host: address.serverName,
        "Content-Type": "application/json",
        Accept: "application/json",
        "Content-Length": Buffer.byteLength(body),
      },
      signal,
    });
    call.on("response", (answer) => {
      readAnswer(answer).then(resolve, reject);
    });
    call.on("error", (error) => {
      const isStaleConnection = call.reusedSocket && stringAt(error, "code") === "ECONNRESET";
      reject(Object.assign(error, { isStaleConnection }));
    });
    call.end(body);
  });
}

function isAddress(name: string): boolean {
  return /^[\d.]+$/.test(name) || name.includes(":");
}

async function readAnswer(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw new Error(`the answer is larger than ${answerBytesMax} bytes`);
    chunks.push(chunk);
  }
  const text = Buffer.concat(chunks).toString();
  if (answer.statusCode !== 200) {
    throw new Error(`the server responded with the status code ${answer.statusCode ?? 0}: ${text.slice(0, 200)}`);
  }
  return text;
}

function responseOf(text: string, uid: string): JsonObject {
  const review: unknown = JSON.parse(text);
  const response = isRecord(review) ? review["response"] : undefined;
  if (!isRecord(response)) throw new Error("expected an AdmissionReview with a response");
  if (response["uid"] !== uid) throw new Error(`expected response.uid="${uid}", got "${stringAt(response, "uid")}"`);
  return response;
}
