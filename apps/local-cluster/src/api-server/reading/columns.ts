import type { Column } from "../resource.ts";

/** How long ago, as kubectl prints it: `45s`, `3m12s`, `2h`, `5d`. Unknown for a time that cannot be read. */
export function ageText(timestamp: string | undefined, now: Date): string {
  const sinceMs = timestamp === undefined ? Number.NaN : now.getTime() - Date.parse(timestamp);
  if (Number.isNaN(sinceMs)) return "<unknown>";
  return durationText(Math.max(0, Math.floor(sinceMs / 1000)));
}

/** Kubernetes' short form of a duration: precise while it is short. */
export function durationText(seconds: number): string {
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 10) return withRest(minutes, "m", [seconds % 60, "s"]);
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  if (hours < 8) return withRest(hours, "h", [minutes % 60, "m"]);
  if (hours < 48) return `${hours}h`;
  const days = Math.floor(hours / 24);
  if (days < 8) return withRest(days, "d", [hours % 24, "h"]);
  if (days < 730) return `${days}d`;
  return withRest(Math.floor(days / 365), "y", [days % 365, "d"]);
}

function withRest(amount: number, unit: string, [rest, restUnit]: [number, string]): string {
  return rest === 0 ? `${amount}${unit}` : `${amount}${unit}${rest}${restUnit}`;
}

export const nameColumn: Column = {
  name: "Name",
  type: "string",
  format: "name",
  description: "Name must be unique within a namespace.",
  cell: (object) => object.metadata.name,
};

export const ageColumn: Column = {
  name: "Age",
  type: "string",
  description: "Time since creation.",
  cell: (object, now) => ageText(object.metadata.creationTimestamp, now),
};
