import type { KubeObject } from "@kelvin/api";
import { deepCopy, isSemanticallyEqual } from "@kelvin/kube";

/** An object with a spec, which is all of it that we may want otherwise. */
interface WithSpec extends KubeObject {
  spec?: unknown;
}

/**
 * A copy with the defaults of today. Compare this with what is desired: where the only difference is a default that has
 * changed since the object was stored, nothing must be written, or new defaults would stamp a Revision of every Service.
 */
export function defaulted<T extends KubeObject>(existing: T, fill: (object: T) => void): T {
  const copy = deepCopy(existing);
  fill(copy);
  return copy;
}

/** Labels, annotations and spec exactly as desired: what a user changed by hand is put back. Undefined when nothing differs. */
export function mergeExactly<T extends WithSpec>(existing: T, desired: T): T | undefined {
  const { labels, annotations } = desired.metadata;
  return withChanges(existing, { ...desired, metadata: { labels: labels ?? {}, annotations: annotations ?? {} } });
}

/** The spec as desired; labels and annotations of others stay. Undefined when nothing differs. */
export function mergeKeepingForeign<T extends WithSpec>(existing: T, desired: T): T | undefined {
  const metadata = {
    labels: { ...existing.metadata.labels, ...desired.metadata.labels },
    annotations: { ...existing.metadata.annotations, ...desired.metadata.annotations },
  };
  return withChanges(existing, { ...desired, metadata });
}

function withChanges<T extends WithSpec>(existing: T, wanted: T): T | undefined {
  const { labels, annotations } = wanted.metadata;
  const isUpToDate =
    isSemanticallyEqual(existing.spec, wanted.spec) &&
    isSemanticallyEqual(existing.metadata.labels, labels) &&
    isSemanticallyEqual(existing.metadata.annotations, annotations);
  if (isUpToDate) return undefined;
  const copy = deepCopy(existing);
  return { ...copy, metadata: { ...copy.metadata, labels, annotations }, spec: wanted.spec };
}
