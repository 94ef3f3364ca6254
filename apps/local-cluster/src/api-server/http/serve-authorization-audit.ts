import { auditTable } from "../authorization/audit-table.ts";
import type { Authorizer } from "../authorization/authorizer.ts";
import { sendJson, sendText, type Exchange } from "./exchange.ts";

export const auditPath = "/debug/authorization";

/** Answers what users needed and what they hold: JSON, or a table for whoever asks for text or `?output=table`. */
export function serveAuthorizationAudit({ mode, audit }: Authorizer, exchange: Exchange): void {
  const needs = audit.needs();
  // Only an audit records what is granted; elsewhere everything would look unused.
  const unused = mode === "audit" ? audit.unusedRights() : [];
  const accept = exchange.request.headers.accept ?? "";
  const wanted = exchange.query.get("output") ?? (accept.startsWith("text/") ? "table" : "json");
  if (wanted === "table") sendText(exchange, 200, auditTable(mode, needs, unused));
  else sendJson(exchange, 200, { mode, needs, unused });
}
