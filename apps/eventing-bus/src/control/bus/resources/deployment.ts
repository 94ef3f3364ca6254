import { apiVersionOf, type OwnerReference } from "@kelvin/api";
import { busAnnotations } from "@kelvin/api/channels/v1alpha1/kinds";
import { Deployment } from "@kelvin/kube";
import { busLabels, stubBus } from "../../../model/names.ts";
import { labelsOf, type AnyBus, type BusPlace } from "../bus-place.ts";
import { identities } from "./identity.ts";
import { makeOwnContainer, makeThirdPartyContainer, type Container, type OwnProgram } from "./own-container.ts";

type PodSpec = NonNullable<NonNullable<Deployment["spec"]>["template"]["spec"]>;

/** Events in hand are finished or given back, for at most 30 s. */
const GRACE_S = 60;

/** What the Deployments of a bus are made from. */
export interface BusWorkload {
  readonly bus: AnyBus;
  readonly place: BusPlace;
  readonly owner: OwnerReference;
  readonly systemNamespace: string;
}

/** The dispatcher of a bus of Kelvin's own. Pure. */
export function makeOwnDispatcher(workload: BusWorkload, program: OwnProgram): Deployment {
  const { bus, place } = workload;
  const container = makeOwnContainer(bus.spec.dispatcher ?? {}, place, program);
  return makeDeployment(workload, {
    name: place.dispatcher,
    labels: { [busLabels.role]: busLabels.dispatcher, [busLabels.kind]: program.kind },
    // Events are in the stub's memory: a second replica would have other ones, and each would deliver only its own.
    ...(program.kind === stubBus ? { strategy: { type: "Recreate" } } : {}),
    podSpec: {
      serviceAccountName: place.busNamespace === "" ? identities.ownAccount : place.identity,
      terminationGracePeriodSeconds: GRACE_S,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      ...podSpecOf(bus, container),
    },
  });
}

/** A container of a third party's bus. Pure. */
export function makeThirdPartyDeployment(
  workload: BusWorkload,
  role: typeof busLabels.dispatcher | typeof busLabels.provisioner,
): Deployment {
  const { bus, place } = workload;
  const container = makeThirdPartyContainer(bus.spec[role] ?? {}, place, role);
  return makeDeployment(workload, {
    name: place[role],
    labels: { [busLabels.role]: role },
    podSpec: {
      serviceAccountName: place.busNamespace === "" ? identities.thirdPartyAccount : place.identity,
      ...podSpecOf(bus, container),
    },
  });
}

function podSpecOf({ spec }: AnyBus, container: Container): PodSpec {
  return { containers: [container], ...(spec.volumes === undefined ? {} : { volumes: spec.volumes as never }) };
}

interface Parts {
  readonly name: string;
  readonly labels: Record<string, string>;
  readonly podSpec: PodSpec;
  readonly strategy?: { readonly type: string };
}

function makeDeployment({ bus, place, owner }: BusWorkload, { name, labels, podSpec, strategy }: Parts): Deployment {
  const settings = bus.metadata.annotations?.[busAnnotations.settings];
  const all = { ...labelsOf(place), ...labels };
  return {
    apiVersion: apiVersionOf(Deployment),
    kind: Deployment.kind,
    metadata: { name, namespace: place.namespace, labels: all, ownerReferences: [owner] },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      ...(strategy === undefined ? {} : { strategy }),
      template: {
        metadata: {
          labels: { app: name, ...all },
          ...(settings === undefined ? {} : { annotations: { [busAnnotations.settings]: settings } }),
        },
        spec: podSpec,
      },
    },
  };
}
