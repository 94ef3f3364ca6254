import { getCondition, readyCondition } from "@kelvin/api";
import { busReasons, busStatus, type BusStatus } from "@kelvin/api/channels/v1alpha1";
import { NotOwnedError, requeueAfter, waitForEvent, type Outcome } from "@kelvin/controller";
import { ConflictError, toError, type Clock, type Deployment } from "@kelvin/kube";
import { tellOfReadiness } from "../readiness-event.ts";
import { findUnavailability, isAvailable } from "./availability.ts";
import type { AnyBus } from "./bus-place.ts";
import {
  ensureDeployment,
  ensureIdentity,
  ensureService,
  listPods,
  removeDeployment,
  type BusChildrenDeps,
} from "./children.ts";
import type { OwnImage } from "./own-image.ts";
import { planBus, type BusPlan } from "./plan.ts";

export interface BusDeps extends BusChildrenDeps {
  readonly clock: Pick<Clock, "now">;
  readonly systemNamespace: string;
  readonly ownImage: OwnImage;
}

/** Why Pods do not start is looked at this often, while none is available. */
const LOOK_AGAIN_MS = 2_000;

/** How what a step is about stands. `starting`: nothing is known against it. */
type Standing = "running" | "starting" | "stuck";

type Step = (bus: AnyBus, plan: BusPlan, deps: BusDeps) => Promise<Standing>;

/**
 * Makes a Bus or a ClusterBus run: a Service, a Deployment of its dispatcher and, for a third party's, of its provisioner; for a Bus
 * a ServiceAccount with few rights, too. What is wrong with it, and why its Pods do not run, its status tells.
 *
 * @throws NotOwnedError when the name of a part belongs to somebody else, and whatever the Kubernetes API throws: its status says it.
 */
export async function reconcileBus(bus: AnyBus, deps: BusDeps): Promise<Outcome> {
  const now = deps.clock.now();
  const before = getCondition(bus.status, readyCondition);
  const status = busStatus.initializeBus(bus, now);
  const image = await deps.ownImage();
  const plan = planBus(bus, { systemNamespace: deps.systemNamespace, image });
  if (plan.kind === "refused") {
    // What runs of an earlier spec runs on.
    busStatus.markNotDispatching(status, { reason: busReasons.deploymentError, message: plan.problem }, now);
    tellOfReadiness(bus, before, deps.recorder);
    return waitForEvent;
  }
  const errors: unknown[] = [];
  const standings: Standing[] = [];
  for (const { step, fail, reason } of steps) {
    try {
      standings.push(await step(bus, plan, deps));
    } catch (error) {
      // Somebody was faster: no news for a condition.
      if (error instanceof ConflictError) throw error;
      const isForeign = error instanceof NotOwnedError;
      fail(status, { reason: isForeign ? busReasons.resourceExists : reason, message: toError(error).message }, now);
      errors.push(error);
    }
  }
  // That its Pods have only begun is nothing to tell.
  if (errors.length > 0 || !standings.includes("starting")) tellOfReadiness(bus, before, deps.recorder);
  if (errors.length > 0) throw errors[0];
  return standings.every((standing) => standing === "running") ? waitForEvent : requeueAfter(LOOK_AGAIN_MS);
}

interface Mark {
  readonly reason: string;
  readonly message: string;
}

const steps: readonly {
  readonly step: Step;
  /** Says in the status that the step failed, for this reason unless a name is taken. */
  readonly fail: (status: BusStatus, cause: Mark, now: Date) => void;
  readonly reason: string;
}[] = [
  { step: serve, fail: busStatus.markNotServiceable, reason: busReasons.serviceError },
  { step: dispatch, fail: busStatus.markNotDispatching, reason: busReasons.deploymentError },
  { step: provision, fail: busStatus.markNotProvisioning, reason: busReasons.deploymentError },
];

async function serve(bus: AnyBus, plan: BusPlan, deps: BusDeps): Promise<Standing> {
  const now = deps.clock.now();
  await ensureService(bus, plan, deps);
  busStatus.markServiceable(busStatus.initializeBus(bus, now), plan.place.service, now);
  return "running";
}

async function dispatch(bus: AnyBus, plan: BusPlan, deps: BusDeps): Promise<Standing> {
  const now = deps.clock.now();
  const status = busStatus.initializeBus(bus, now);
  await ensureIdentity(bus, plan, deps);
  const deployment = await ensureDeployment(bus, { desired: plan.dispatcher, isScaleFixed: plan.isScaleFixed }, deps);
  return markRunning(deployment, deps, {
    good: () => busStatus.markDispatching(status, now),
    bad: (cause) => busStatus.markNotDispatching(status, cause, now),
  });
}

async function provision(bus: AnyBus, plan: BusPlan, deps: BusDeps): Promise<Standing> {
  const now = deps.clock.now();
  const status = busStatus.initializeBus(bus, now);
  const { provisioner: desired, place } = plan;
  if (desired === undefined) {
    await removeDeployment(bus, { namespace: place.namespace, name: place.provisioner }, deps);
    busStatus.markNoProvisioner(status, now);
    return "running";
  }
  await ensureIdentity(bus, plan, deps);
  const deployment = await ensureDeployment(bus, { desired, isScaleFixed: false }, deps);
  return markRunning(deployment, deps, {
    good: () => busStatus.markProvisioning(status, now),
    bad: (cause) => busStatus.markNotProvisioning(status, cause, now),
  });
}

interface Marks {
  good(): void;
  bad(cause: Mark): void;
}

async function markRunning(deployment: Deployment, deps: BusDeps, marks: Marks): Promise<Standing> {
  if (isAvailable(deployment)) {
    marks.good();
    return "running";
  }
  const { message, isStarting } = findUnavailability(deployment, await listPods(deployment, deps));
  marks.bad({ reason: busReasons.podsUnavailable, message });
  return isStarting ? "starting" : "stuck";
}
