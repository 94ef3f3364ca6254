import { isRecord } from "@kelvin/api";
import type { CordonReply, CordonRequest, HoldReply, HoldRequest } from "@kelvin/api/scaling";
import { callHttp } from "@kelvin/http-service";
import type { ActivatorEndpoint } from "./activator-directory.ts";

/** Calls to one activator's internal port. Each rejects when there is no good answer within a second. */
export interface ActivatorClient {
  cordon(activator: ActivatorEndpoint, order: CordonRequest): Promise<CordonReply>;
  uncordon(activator: ActivatorEndpoint, order: CordonRequest): Promise<CordonReply>;
  hold(activator: ActivatorEndpoint, order: HoldRequest): Promise<HoldReply>;
}

const callMsMax = 1000;
const bodyBytesMax = 1024 * 1024;

/** The client over HTTP, by the contract in `@kelvin/api/scaling`. */
export const httpActivatorClient: ActivatorClient = {
  async cordon(activator, order) {
    return parseCordonReply(await post(activator, "cordon", order));
  },
  async uncordon(activator, order) {
    return parseCordonReply(await post(activator, "uncordon", order));
  },
  async hold(activator, order) {
    const reply = await post(activator, "hold", order);
    if (!isRecord(reply) || typeof reply["holding"] !== "boolean") throw new BadReplyError("hold", reply);
    return { holding: reply["holding"] };
  },
};

/** An activator answered something that the contract does not know. Nothing is scaled in on such an answer. */
export class BadReplyError extends Error {
  override readonly name = "BadReplyError";

  constructor(call: string, reply: unknown) {
    super(`activator answered ${call} with ${JSON.stringify(reply)?.slice(0, 200) ?? "nothing"}`);
  }
}

async function post(activator: ActivatorEndpoint, call: string, body: object): Promise<unknown> {
  const answer = await callHttp(`http://${activator.host}/internal/v1/${call}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(callMsMax),
    bodyBytesMax,
  });
  const text = answer.body.toString("utf8");
  if (answer.status !== 200) throw new BadReplyError(call, `${answer.status}: ${text}`);
  const reply: unknown = JSON.parse(text);
  return reply;
}

function parseCordonReply(reply: unknown): CordonReply {
  const inFlight = isRecord(reply) ? reply["inFlight"] : undefined;
  if (!isRecord(inFlight)) throw new BadReplyError("cordon", reply);
  const counts: Record<string, number> = {};
  for (const [pod, count] of Object.entries(inFlight)) {
    if (typeof count !== "number") throw new BadReplyError("cordon", reply);
    counts[pod] = count;
  }
  return { inFlight: counts };
}
