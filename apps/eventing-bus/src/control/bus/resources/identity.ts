import { apiVersionOf, type OwnerReference } from "@kelvin/api";
import { ClusterRole, RoleBinding, ServiceAccount } from "@kelvin/kube";
import { labelsOf, type BusPlace } from "../bus-place.ts";

/** Who the Pods of buses are, as deploy/base/bus-operator has it. */
export const identities = {
  /** ServiceAccounts in the system namespace, for ClusterBuses: ours only reads; a third party's writes what it has to say, too. */
  ownAccount: "eventing-bus",
  thirdPartyAccount: "bus-operator",
  /** ClusterRoles that a Bus's ServiceAccount is bound to in its own namespace. */
  ownRole: "kelvin-namespaced-bus",
  thirdPartyRole: "kelvin-bus-operator",
} as const;

/** The ServiceAccount of a Bus. Pure. */
export function makeServiceAccount(place: BusPlace, owner: OwnerReference): ServiceAccount {
  return {
    apiVersion: apiVersionOf(ServiceAccount),
    kind: ServiceAccount.kind,
    metadata: { name: place.identity, namespace: place.namespace, labels: labelsOf(place), ownerReferences: [owner] },
  };
}

/** What that may do, in the Bus's namespace alone. Pure. */
export function makeRoleBinding(
  place: BusPlace,
  { owner, isOwn }: { readonly owner: OwnerReference; readonly isOwn: boolean },
): RoleBinding {
  const { identity: name, namespace } = place;
  return {
    apiVersion: apiVersionOf(RoleBinding),
    kind: RoleBinding.kind,
    metadata: { name, namespace, labels: labelsOf(place), ownerReferences: [owner] },
    roleRef: {
      apiGroup: ClusterRole.group,
      kind: ClusterRole.kind,
      name: isOwn ? identities.ownRole : identities.thirdPartyRole,
    },
    subjects: [{ kind: ServiceAccount.kind, name, namespace }],
  };
}
