import type { Kind, KubeObject } from "@kelvin/api";
import { AlreadyExistsError, keyOf, toError } from "@kelvin/kube";
import type { KubeClient } from "@kelvin/kube";
import type { EventRecorder } from "./event-recorder.ts";

/** A child's name is taken by an object of somebody else. Nothing is adopted: it waits until that object is gone. */
export class NotOwnedError extends Error {
  override readonly name = "NotOwnedError";
}

/** One object that an owner wants to exist and look a certain way. */
export interface ChildPlan<T extends KubeObject> {
  readonly kind: Kind<T>;
  readonly owner: KubeObject;
  readonly desired: T;
  /** From a cache, so it may be old; absence is checked by creating. */
  readonly existing: T | undefined;
  /** The existing object brought up to date, or undefined when it needs no change. Must not change its argument. */
  readonly merge: (existing: T) => T | undefined;
  /** Called before `NotOwnedError` is thrown, to say so in the owner's status. */
  readonly markNotOwned: (existing: T) => void;
  /** What the Event of its creation calls it. Default: its kind; `undefined` makes no Event. */
  readonly announcedAs?: string | undefined;
}

/** What making a child takes. */
export interface ChildDeps {
  readonly kube: KubeClient;
  readonly recorder: EventRecorder;
}

/**
 * Makes the child exist and match, and returns it as stored. Refuses, rather than adopts, one that is not ours.
 *
 * @throws NotOwnedError after `markNotOwned`; whatever the Kubernetes API throws otherwise.
 */
export async function ensureChild<T extends KubeObject>(plan: ChildPlan<T>, deps: ChildDeps): Promise<T> {
  const existing = plan.existing ?? (await createChild(plan, deps));
  if (!isControlledBy(existing, plan.owner)) {
    plan.markNotOwned(existing);
    throw new NotOwnedError(notOwnedMessage(plan, existing));
  }
  if (existing.metadata.deletionTimestamp !== undefined) return existing;
  const merged = plan.merge(existing);
  return merged === undefined ? existing : await deps.kube.update(plan.kind, merged);
}

async function createChild<T extends KubeObject>(plan: ChildPlan<T>, deps: ChildDeps): Promise<T> {
  const name = plan.desired.metadata.name ?? "";
  try {
    const created = await deps.kube.create(plan.kind, plan.desired);
    const announcedAs = "announcedAs" in plan ? plan.announcedAs : plan.kind.kind;
    if (announcedAs !== undefined) deps.recorder.normal(plan.owner, "Created", `Created ${announcedAs} "${name}"`);
    return created;
  } catch (error) {
    // The cache lags behind, or a stranger was faster: look at what is there.
    if (error instanceof AlreadyExistsError) return await deps.kube.get(plan.kind, keyOf(plan.desired));
    const reason = toError(error).message;
    deps.recorder.warning(plan.owner, "CreationFailed", `Failed to create ${plan.kind.kind} "${name}": ${reason}`);
    throw error;
  }
}

function notOwnedMessage<T extends KubeObject>({ owner, kind }: ChildPlan<T>, existing: T): string {
  const ownerKind = (owner.kind ?? "object").toLowerCase();
  return `${ownerKind}: "${owner.metadata.name ?? ""}" does not own ${kind.kind}: "${existing.metadata.name ?? ""}"`;
}

// As @kelvin/api's, which must not be loaded here: the local cluster's controllers run on this package too.
function isControlledBy({ metadata }: KubeObject, owner: KubeObject): boolean {
  const { uid } = owner.metadata;
  return uid !== undefined && metadata.ownerReferences?.find(({ controller }) => controller === true)?.uid === uid;
}
