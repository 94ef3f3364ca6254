import type { Need, UnusedRight } from "./audit.ts";

/** The record for people: what was missing, what was used, what was not. */
export function auditTable(mode: string, needs: readonly Need[], unused: readonly UnusedRight[]): string {
  const needRows = needs.map((need) => [
    need.isGranted ? "granted" : "MISSING",
    need.user,
    need.verb,
    need.target,
    need.namespace === "" ? "*" : need.namespace,
    String(need.count),
    need.names.join(","),
  ]);
  const unusedRows = unused.map(({ user, verb, target, role }) => [user, verb, target, role]);
  return [
    `authorization: ${mode}`,
    "",
    ...tableLines(["GRANT", "USER", "VERB", "RESOURCE", "NAMESPACE", "COUNT", "NAMES"], needRows),
    ...(unusedRows.length === 0 ? [] : ["", ...tableLines(["UNUSED BY", "VERB", "RESOURCE", "ROLE"], unusedRows)]),
    "",
  ].join("\n");
}

function tableLines(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const all = [header, ...rows];
  const widths = header.map((_, column) => all.reduce((width, row) => Math.max(width, row[column]?.length ?? 0), 0));
  return all.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}
