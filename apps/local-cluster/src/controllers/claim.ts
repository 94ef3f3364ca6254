import {
  isSemanticallyEqual,
  keyOf,
  type Kind,
  type KubeClient,
  type KubeObject,
  type Matcher,
  NotFoundError,
} from "@kelvin/kube";
import { controllerOf, isBeingDeleted, isControlledBy, makeControllerReference } from "./ownership.ts";

/** Who claims, and what it may claim. */
export interface Claim<Owner extends KubeObject, Child extends KubeObject> {
  readonly ownerKind: Kind<Owner>;
  readonly owner: Owner;
  readonly childKind: Kind<Child>;
  readonly matches: Matcher;
  /** What an adopted child gets beside its owner. */
  readonly finalizer?: string;
}

/**
 * The children that belong to the owner after adopting matching orphans and releasing those that match no more.
 * Before the first adoption the owner is read afresh: the copy of one that was deleted must not adopt.
 */
export async function claimChildren<Owner extends KubeObject, Child extends KubeObject>(
  kube: KubeClient,
  claim: Claim<Owner, Child>,
  candidates: readonly Child[],
): Promise<Child[]> {
  const kept: Child[] = [];
  const orphans: Child[] = [];
  for (const child of candidates) {
    const verdict = decideClaim(claim, child);
    if (verdict === "keep") kept.push(child);
    if (verdict === "adopt") orphans.push(child);
    if (verdict === "release") await release(kube, claim, child);
  }
  if (orphans.length === 0 || !(await canAdopt(kube, claim))) return kept;
  for (const orphan of orphans) {
    const adopted = await adopt(kube, claim, orphan);
    if (adopted !== undefined) kept.push(adopted);
  }
  return kept;
}

/** An owner that is being deleted neither takes nor gives; nothing changes hands that is itself being deleted. */
function decideClaim<Owner extends KubeObject, Child extends KubeObject>(
  { owner, matches }: Claim<Owner, Child>,
  child: Child,
): "keep" | "adopt" | "release" | "ignore" {
  const isMatch = matches(child.metadata.labels ?? {});
  const isSettled = isBeingDeleted(owner) || isBeingDeleted(child);
  if (isControlledBy(child, owner)) {
    if (isMatch || isBeingDeleted(owner)) return "keep";
    return isSettled ? "ignore" : "release";
  }
  return controllerOf(child) === undefined && isMatch && !isSettled ? "adopt" : "ignore";
}

async function canAdopt<Owner extends KubeObject, Child extends KubeObject>(
  kube: KubeClient,
  { ownerKind, owner }: Claim<Owner, Child>,
): Promise<boolean> {
  const live = await kube.find(ownerKind, keyOf(owner));
  return live !== undefined && live.metadata.uid === owner.metadata.uid && !isBeingDeleted(live);
}

async function adopt<Owner extends KubeObject, Child extends KubeObject>(
  kube: KubeClient,
  { ownerKind, owner, childKind, finalizer }: Claim<Owner, Child>,
  child: Child,
): Promise<Child | undefined> {
  const { ownerReferences = [], finalizers = [] } = child.metadata;
  const references = [...ownerReferences, makeControllerReference(ownerKind, owner)];
  const isMissing = finalizer !== undefined && !finalizers.includes(finalizer);
  return writeReferences(kube, { childKind, child, references, ...(isMissing && { added: finalizer }) });
}

async function release<Owner extends KubeObject, Child extends KubeObject>(
  kube: KubeClient,
  { owner, childKind }: Claim<Owner, Child>,
  child: Child,
): Promise<void> {
  const references = (child.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== owner.metadata.uid);
  await writeReferences(kube, { childKind, child, references });
}

interface ReferenceWrite<Child extends KubeObject> {
  readonly childKind: Kind<Child>;
  readonly child: Child;
  readonly references: readonly object[];
  /** A finalizer to put on with them. */
  readonly added?: string;
}

/** Writes the references onto exactly the version that was judged: a newer one is a Conflict, and judged again. */
async function writeReferences<Child extends KubeObject>(
  kube: KubeClient,
  { childKind, child, references, added }: ReferenceWrite<Child>,
): Promise<Child | undefined> {
  if (isSemanticallyEqual(references, child.metadata.ownerReferences)) return child;
  const { uid, resourceVersion, finalizers = [] } = child.metadata;
  const ownerReferences = references.length === 0 ? null : references;
  const withFinalizer = added === undefined ? {} : { finalizers: [...finalizers, added] };
  const body = { metadata: { uid, resourceVersion, ownerReferences, ...withFinalizer } };
  try {
    return await kube.patch(childKind, keyOf(child), { type: "merge", body });
  } catch (error) {
    if (error instanceof NotFoundError) return undefined;
    throw error;
  }
}
