import { isRecord } from "@kelvin/api";
import { callHttp } from "@kelvin/http-service";
import { linkSignals } from "@kelvin/kube";
import type { RoutingTableReport } from "@kelvin/api/scaling";
import type { FetchTable } from "./activator-tables.ts";

const bodyBytesMax = 64 * 1024 * 1024;
const answerMarginMs = 5000;

/** Asks an activator over HTTP. @throws Error when it does not answer in time or not with a table: ask again later. */
export const fetchTable: FetchTable = async ({ authority, sinceVersion, waitSeconds, signal }) => {
  const timeoutMs = waitSeconds * 1000 + answerMarginMs;
  const linked = linkSignals(signal, AbortSignal.timeout(timeoutMs));
  try {
    const answer = await callHttp(
      `http://${authority}/internal/v1/table?since=${sinceVersion}&waitSeconds=${waitSeconds}`,
      { signal: linked.signal, bodyBytesMax },
    );
    if (answer.status !== 200) throw new Error(`${authority} answered ${answer.status} to a table request`);
    return parseTable(JSON.parse(answer.body.toString()));
  } finally {
    linked.unlink();
  }
};

/** @throws TypeError when the value is not a RoutingTableReport. */
export function parseTable(value: unknown): RoutingTableReport {
  if (!isRecord(value) || !isRecord(value["ingresses"])) throw new TypeError("not a routing table");
  const { bootId, version, ingresses } = value;
  if (typeof bootId !== "string" || typeof version !== "number") throw new TypeError("not a routing table");
  const generations = Object.entries(ingresses).map(([key, generation]): [string, number] => {
    if (typeof generation !== "number") throw new TypeError(`the generation of Ingress "${key}" is not a number`);
    return [key, generation];
  });
  return { bootId, version, ingresses: Object.fromEntries(generations) };
}
