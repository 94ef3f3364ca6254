import { fieldErrorText, hasErrors, makeOwnerReference } from "@kelvin/api";
import { Bus, ClusterBus, ownBuses, validateBus, validateClusterBus } from "@kelvin/api/channels/v1alpha1";
import type { CoreService, Deployment, RoleBinding, ServiceAccount } from "@kelvin/kube";
import { busLabels, stubBus } from "../../model/names.ts";
import { isClusterBus, placeOf, type AnyBus, type BusPlace } from "./bus-place.ts";
import { withSpecHash } from "./drift.ts";
import { ownKindOf } from "./own-kind.ts";
import { makeOwnDispatcher, makeThirdPartyDeployment, type BusWorkload } from "./resources/deployment.ts";
import { makeRoleBinding, makeServiceAccount } from "./resources/identity.ts";
import { makeBusService } from "./resources/service.ts";

/** Everything that a bus is made of. */
export interface BusPlan {
  readonly kind: "plan";
  readonly place: BusPlace;
  readonly service: CoreService;
  /** Of a Bus: who its Pods are. A ClusterBus's are somebody who is there already. */
  readonly identity: { readonly account: ServiceAccount; readonly binding: RoleBinding } | undefined;
  readonly dispatcher: Deployment;
  /** Undefined: it has none. Ours provision by themselves. */
  readonly provisioner: Deployment | undefined;
  /** Whether the number of replicas is not the user's to choose. */
  readonly isScaleFixed: boolean;
}

/** What this process is. */
export interface Own {
  readonly systemNamespace: string;
  /** Undefined: not known. */
  readonly image: string | undefined;
}

/** What a bus is to be made of, or why that cannot be said. Pure. */
export function planBus(bus: AnyBus, own: Own): BusPlan | { readonly kind: "refused"; readonly problem: string } {
  const errors = isClusterBus(bus) ? validateClusterBus(bus) : validateBus(bus);
  if (hasErrors(errors)) return { kind: "refused", problem: fieldErrorText(errors) };
  const kind = ownKindOf(bus, own.image);
  if (kind === undefined) return plan(bus, own, makeThirdParty);
  if (!ownBuses.some((known) => known === kind)) {
    const problem = `which bus it is cannot be told: set the annotation kelvin.dev/bus to one of ${ownBuses.join(", ")}`;
    return { kind: "refused", problem };
  }
  const { image, systemNamespace } = own;
  if (image === undefined) {
    return { kind: "refused", problem: "the image of Kelvin's buses is not known: this controller runs in no Pod" };
  }
  return plan(bus, own, (workload) => ({
    isOwn: true,
    dispatcher: makeOwnDispatcher(workload, { kind, image, systemNamespace }),
    provisioner: undefined,
    isScaleFixed: kind === stubBus,
  }));
}

interface Workloads {
  readonly isOwn: boolean;
  readonly dispatcher: Deployment;
  readonly provisioner: Deployment | undefined;
  readonly isScaleFixed: boolean;
}

function plan(bus: AnyBus, { systemNamespace }: Own, make: (workload: BusWorkload) => Workloads): BusPlan {
  const place = placeOf(bus, systemNamespace);
  const owner = makeOwnerReference(isClusterBus(bus) ? ClusterBus : Bus, bus);
  const { isOwn, dispatcher, provisioner, isScaleFixed } = make({ bus, place, owner, systemNamespace });
  const hasIdentity = place.busNamespace !== "";
  return {
    kind: "plan",
    place,
    service: makeBusService(place, { owner, isOwn }),
    identity: hasIdentity
      ? { account: makeServiceAccount(place, owner), binding: makeRoleBinding(place, { owner, isOwn }) }
      : undefined,
    dispatcher: withSpecHash(dispatcher),
    provisioner: provisioner === undefined ? undefined : withSpecHash(provisioner),
    isScaleFixed,
  };
}

function makeThirdParty(workload: BusWorkload): Workloads {
  const hasProvisioner = workload.bus.spec.provisioner !== undefined;
  return {
    isOwn: false,
    dispatcher: makeThirdPartyDeployment(workload, busLabels.dispatcher),
    provisioner: hasProvisioner ? makeThirdPartyDeployment(workload, busLabels.provisioner) : undefined,
    isScaleFixed: false,
  };
}
