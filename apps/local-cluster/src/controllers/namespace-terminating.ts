import { ForbiddenError } from "@kelvin/kube";

/** Whether a create was refused because its namespace is going away: then there is nothing left to do or to report. */
export function isNamespaceTerminating(error: unknown): boolean {
  if (!(error instanceof ForbiddenError)) return false;
  return error.details?.causes?.some(({ reason }) => reason === "NamespaceTerminating") ?? false;
}
