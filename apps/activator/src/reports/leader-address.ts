import type { Lease } from "@kelvin/kube";

export interface LeaderAddress {
  readonly host: string;
  readonly port: number;
}

/** Reads `<podName>_<podIP>:<port>`; undefined when nobody holds the Lease, or the holder does not say where it is. */
export function leaderAddress(lease: Lease | undefined): LeaderAddress | undefined {
  const holder = lease?.spec?.holderIdentity ?? "";
  const at = holder.slice(holder.indexOf("_") + 1);
  const colon = at.lastIndexOf(":");
  const port = Number(at.slice(colon + 1));
  const host = at.slice(0, Math.max(colon, 0)).replace(/^\[|\]$/g, "");
  if (host === "" || !holder.includes("_") || !Number.isInteger(port) || port < 1 || port > 65_535) return undefined;
  return { host, port };
}
