import { resolveDestination } from "@kelvin/api/duck";
import type { KubeClient } from "@kelvin/kube";
import type { Lookup, TrackedObject } from "../src/control/destination/destinations.ts";
import { findKind, parseKindName } from "../src/control/destination/reference-kind.ts";

/** Looks things up in the world of a table test, as it is at that moment; nobody is woken. */
export function lookupIn(kube: Pick<KubeClient, "find" | "list">): Lookup {
  const find: Lookup["find"] = async (ref) => {
    const name = parseKindName(ref);
    if (name === undefined) return { ok: false, problem: "not a kind" };
    if (name.kind === "Secret") return { ok: false, problem: "secrets may not be read" };
    const found = await findKind(kube, name);
    if (!found.ok) return found;
    const key = { namespace: ref.namespace ?? "", name: ref.name ?? "" };
    return { ok: true, object: (await kube.find(found.kind, key)) as TrackedObject | undefined };
  };
  return {
    find,
    async resolve(destination) {
      const clusterDomain = "cluster.local";
      if (destination.ref === undefined) return resolveDestination(destination, { clusterDomain });
      const found = await find(destination.ref);
      return found.ok ? resolveDestination(destination, { target: found.object, clusterDomain }) : found;
    },
  };
}
