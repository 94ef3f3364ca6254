import { ensureChild, mergeKeepingForeign, type ChildDeps } from "@kelvin/controller";
import {
  CoreService,
  Deployment,
  isSemanticallyEqual,
  keyOf,
  Pod,
  RoleBinding,
  ServiceAccount,
  type KubeObject,
  type ObjectKey,
} from "@kelvin/kube";
import { isControlledBy } from "@kelvin/api";
import type { Reader } from "../informers.ts";
import type { AnyBus } from "./bus-place.ts";
import { mergeDeployment, mergeService } from "./drift.ts";
import type { BusPlan } from "./plan.ts";

/** What the parts of buses are read from and made with. */
export interface BusChildrenDeps extends ChildDeps {
  readonly busServices: Reader<CoreService>;
  readonly busDeployments: Reader<Deployment>;
  readonly busAccounts: Reader<ServiceAccount>;
  readonly busBindings: Reader<RoleBinding>;
}

const nothing = (): void => undefined;

/** Makes its Service exist and match. @throws NotOwnedError when somebody else's has its name. */
export function ensureService(bus: AnyBus, { service }: BusPlan, deps: BusChildrenDeps): Promise<CoreService> {
  const plan = { kind: CoreService, owner: bus, desired: service, markNotOwned: nothing };
  const existing = deps.busServices.get(keyOf(service));
  return ensureChild({ ...plan, existing, merge: (found) => mergeService(found, service) }, deps);
}

/**
 * Makes a Bus somebody, with the rights of its kind of bus in its namespace. A ServiceAccount of somebody else is not used: a user's
 * container would have its rights. @throws NotOwnedError
 */
export async function ensureIdentity(bus: AnyBus, { identity }: BusPlan, deps: BusChildrenDeps): Promise<void> {
  if (identity === undefined) return;
  const { account, binding } = identity;
  const owner = { owner: bus, markNotOwned: nothing };
  const existing = deps.busAccounts.get(keyOf(account));
  const plan = { ...owner, kind: ServiceAccount, desired: account, existing };
  await ensureChild({ ...plan, merge: (found) => mergeKeepingForeign(found, account) }, deps);
  const bound = deps.busBindings.get(keyOf(binding));
  // What a binding refers to cannot be changed.
  const isOther = bound !== undefined && !isSemanticallyEqual(bound.roleRef, binding.roleRef);
  if (isOther && isControlledBy(bound, bus)) await deleteExactly(RoleBinding, bound, deps);
  const known = isOther && isControlledBy(bound, bus) ? undefined : bound;
  const bind = { ...owner, kind: RoleBinding, desired: binding, existing: known };
  await ensureChild({ ...bind, merge: (found) => mergeBinding(found, binding) }, deps);
}

function mergeBinding(existing: RoleBinding, { subjects }: RoleBinding): RoleBinding | undefined {
  return isSemanticallyEqual(existing.subjects, subjects) ? undefined : ({ ...existing, subjects } as RoleBinding);
}

/** Makes a Deployment of it exist and match. @throws NotOwnedError when somebody else's has its name. */
export function ensureDeployment(
  bus: AnyBus,
  { desired, isScaleFixed }: { readonly desired: Deployment; readonly isScaleFixed: boolean },
  deps: BusChildrenDeps,
): Promise<Deployment> {
  const plan = { kind: Deployment, owner: bus, desired, markNotOwned: nothing };
  const existing = deps.busDeployments.get(keyOf(desired));
  return ensureChild({ ...plan, existing, merge: (found) => mergeDeployment(found, desired, { isScaleFixed }) }, deps);
}

/** Removes the provisioner of a bus that has none any more. */
export async function removeDeployment(bus: AnyBus, key: ObjectKey, deps: BusChildrenDeps): Promise<void> {
  const existing = deps.busDeployments.get(key);
  if (existing !== undefined && isControlledBy(existing, bus)) await deleteExactly(Deployment, existing, deps);
}

async function deleteExactly<T extends KubeObject>(
  kind: Parameters<BusChildrenDeps["kube"]["delete"]>[0],
  object: T,
  { kube }: BusChildrenDeps,
): Promise<void> {
  const { uid } = object.metadata;
  await kube.delete(kind, keyOf(object), uid === undefined ? {} : { preconditions: { uid } });
}

/** The Pods of a Deployment: asked for only when none is available. */
export async function listPods({ metadata }: Deployment, { kube }: BusChildrenDeps): Promise<Pod[]> {
  const { namespace = "", name = "" } = metadata;
  return (await kube.list(Pod, { namespace, labelSelector: `app=${name}` })).items;
}
