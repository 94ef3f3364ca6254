import type { Service } from "@kelvin/api/serving/v1";

/** Name of a Service's Configuration and of its Route: its own. */
export function childNameOf(service: Service): string {
  return service.metadata.name ?? "";
}
