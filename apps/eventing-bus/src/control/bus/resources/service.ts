import { apiVersionOf, type OwnerReference } from "@kelvin/api";
import { CoreService } from "@kelvin/kube";
import { labelsOf, type BusPlace } from "../bus-place.ts";
import { httpPort, internalPort } from "./ports.ts";

/** The Service by which senders, and channels by their names, reach the dispatcher. Pure. */
export function makeBusService(
  place: BusPlace,
  { owner, isOwn }: { readonly owner: OwnerReference; readonly isOwn: boolean },
): CoreService {
  const port = { port: 80, targetPort: httpPort };
  const internal = { name: "internal", protocol: "TCP", port: internalPort, targetPort: internalPort };
  return {
    apiVersion: apiVersionOf(CoreService),
    kind: CoreService.kind,
    metadata: { name: place.service, namespace: place.namespace, labels: labelsOf(place), ownerReferences: [owner] },
    spec: {
      selector: { app: place.dispatcher },
      ports: [{ name: "http", protocol: "TCP", ...port }, ...(isOwn ? [internal] : [])],
    },
  };
}
