import {
  initializeRevision,
  markContainerMissing,
  markResolvingDigests,
  type Container,
  type ContainerStatus,
  type Revision,
} from "@kelvin/api/serving/v1";
import { requeueAfter, waitForEvent, type Outcome } from "@kelvin/controller";
import { keyOf, keyText } from "@kelvin/kube";
import { isByDigest, registryOf } from "../images/image-reference.ts";
import type { RevisionDeps } from "./reconcile.ts";

/**
 * Fixes each image by the digest that its tag stands for now, once in a Revision's life, so that every pod of it ever
 * runs the same code. Images of registries that the configuration names are left as they are.
 */
export async function reconcileDigests(revision: Revision, deps: RevisionDeps): Promise<Outcome | undefined> {
  const status = initializeRevision(revision, deps.clock.now());
  const { containers = [], initContainers = [] } = revision.spec;
  if (status.containerStatuses !== undefined || containers.length === 0) return undefined;

  const images = [...containers, ...initContainers].map(({ image = "" }) => image);
  const unresolved = [...new Set(images)].filter((image) => needsResolution(image, deps));
  const found = unresolved.length === 0 ? noDigests : ask(revision, unresolved, deps);
  if (found.state === "failed") {
    markContainerMissing(status, found, deps.clock.now());
    return requeueAfter(found.retryAfterMs);
  }
  if (found.state === "pending") {
    markResolvingDigests(status, deps.clock.now());
    return waitForEvent;
  }
  status.containerStatuses = containers.map((container) => makeStatus(container, found.digests));
  if (initContainers.length > 0) {
    status.initContainerStatuses = initContainers.map((container) => makeStatus(container, found.digests));
  }
  deps.digests.forget(keyText(keyOf(revision)));
  return undefined;
}

const noDigests = { state: "resolved", digests: new Map<string, string>() } as const;

function ask(revision: Revision, images: readonly string[], { digests, settings }: RevisionDeps) {
  return digests.ask({ revision, images, timeoutMs: settings.deployment.digestResolutionTimeoutMs });
}

function needsResolution(image: string, { settings }: RevisionDeps): boolean {
  return !isByDigest(image) && !settings.deployment.registriesSkippingTagResolving.has(registryOf(image));
}

function makeStatus({ name = "", image = "" }: Container, digests: ReadonlyMap<string, string>): ContainerStatus {
  const imageDigest = isByDigest(image) ? image : digests.get(image);
  return imageDigest === undefined ? { name } : { name, imageDigest };
}
