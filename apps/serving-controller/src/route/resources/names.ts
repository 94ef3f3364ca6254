import { childName } from "@kelvin/api";
import type { Route } from "@kelvin/api/serving/v1";

/** Name of the Ingress that carries a Route's rules. */
export function ingressName(route: Route): string {
  return childName(route.metadata.name ?? "", "");
}
