import { Agent } from "node:https";
import type { Store } from "../../storage/store.ts";
import type { ApiObject, JsonObject } from "../api-object.ts";
import { isRecord, listAt, numberAt, recordAt, stringAt } from "../api-object.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { badRequest, internalError, StatusError } from "../status-error.ts";
import type { Admission, AdmissionReviewed } from "./admission.ts";
import { callWebhook } from "./webhook-call.ts";
import { followWebhookConfigurations, isWanted, type Webhook } from "./webhook-configurations.ts";

const socketsPerWebhookMax = 32;

/** Admission that asks the configured webhooks: mutating ones one after the other, validating ones at once. */
export function openWebhooks(store: Store): Admission & { close(): void } {
  const configurations = followWebhookConfigurations(store);
  const agent = new Agent({ keepAlive: true, maxSockets: socketsPerWebhookMax, keepAliveMsecs: 30_000 });
  const ask = (webhook: Webhook, reviewed: AdmissionReviewed): Promise<JsonObject | undefined> =>
    askWebhook({ store, agent }, webhook, reviewed);
  return {
    async mutate(reviewed) {
      let object: ApiObject = reviewed.object;
      for (const webhook of configurations.list("mutating")) {
        const current = { ...reviewed, object };
        if (!isWanted(store, webhook, current)) continue;
        object = patched(webhook, object, await ask(webhook, current));
      }
      return object;
    },
    async validate(reviewed) {
      const wanted = configurations.list("validating").filter((webhook) => isWanted(store, webhook, reviewed));
      if (wanted.length === 0) return;
      const results = await Promise.allSettled(wanted.map((webhook) => ask(webhook, reviewed)));
      const refused = results.find((result) => result.status === "rejected");
      if (refused !== undefined) throw refused.reason;
    },
    close() {
      configurations.close();
      agent.destroy();
    },
  };
}

/** The response of a webhook that allowed the write; `undefined` when it failed and may. @throws StatusError when it did not allow it. */
async function askWebhook(
  { store, agent }: { store: Store; agent: Agent },
  webhook: Webhook,
  reviewed: AdmissionReviewed,
): Promise<JsonObject | undefined> {
  if (reviewed.request.dryRun && webhook.hasSideEffects) {
    throw badRequest(`admission webhook "${webhook.name}" does not support dry run`);
  }
  let response: JsonObject;
  try {
    response = await callWebhook({ store, agent }, webhook, reviewed);
  } catch (error) {
    if (webhook.failsOpen) return undefined;
    const message = error instanceof Error ? error.message : String(error);
    throw internalError(`failed calling webhook "${webhook.name}": failed to call webhook: ${message}`);
  }
  for (const warning of listAt(response, "warnings")) reviewed.request.warn(String(warning));
  if (response["allowed"] !== true) throw denial(webhook, recordAt(response, "status"));
  return response;
}

function denial(webhook: Webhook, status: JsonObject): StatusError {
  const denied = `admission webhook "${webhook.name}" denied the request`;
  const explanation = stringAt(status, "message") || stringAt(status, "reason");
  const code = numberAt(status, "code") ?? 400;
  return new StatusError(code < 400 ? 400 : code, stringAt(status, "reason"), {
    message: explanation === "" ? `${denied} without explanation` : `${denied}: ${explanation}`,
    ...(isRecord(status["details"]) ? { details: status["details"] } : {}),
  });
}

function patched(webhook: Webhook, object: ApiObject, response: JsonObject | undefined): ApiObject {
  const patch = stringAt(response, "patch");
  if (patch === "") return object;
  try {
    const operations: unknown = JSON.parse(Buffer.from(patch, "base64").toString());
    const next = applyJsonPatch(object, operations);
    if (isApiObject(next)) return next;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw internalError(`failed calling webhook "${webhook.name}": its patch cannot be applied: ${message}`);
  }
  throw internalError(`failed calling webhook "${webhook.name}": its patch leaves no object`);
}

// Decoding, which follows, reads metadata strictly; here it only has to be an object still.
function isApiObject(value: unknown): value is ApiObject {
  return isRecord(value) && isRecord(value["metadata"]);
}
