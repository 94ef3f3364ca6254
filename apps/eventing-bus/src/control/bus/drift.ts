import { isQuantity, parseQuantity } from "@kelvin/api";
import { mergeKeepingForeign } from "@kelvin/controller";
import { deepCopy, isSemanticallyEqual, type CoreService, type Deployment } from "@kelvin/kube";

// Not imported: an ES import of node:crypto evaluates its lazy exports, Web Crypto among them (40 ms and 10 MB).
const { hash } = process.getBuiltinModule("node:crypto");

/** Tells what a Deployment was made from, so that what a Bus does not say any more goes. */
const hashAnnotation = "kelvin.dev/spec-hash";
const HASH_LENGTH = 16;

/** The Deployment with what it is made from written on it. Pure. */
export function withSpecHash(deployment: Deployment): Deployment {
  const text = JSON.stringify(deployment.spec);
  const annotations = {
    ...deployment.metadata.annotations,
    [hashAnnotation]: hash("sha256", text).slice(0, HASH_LENGTH),
  };
  return { ...deployment, metadata: { ...deployment.metadata, annotations } };
}

/**
 * The Deployment brought back to what is wanted, or undefined when it is that. What the API server filled in and what others added
 * stays. So does the number of replicas, which is the user's or an autoscaler's, unless it is fixed.
 */
export function mergeDeployment(
  existing: Deployment,
  desired: Deployment,
  { isScaleFixed }: { readonly isScaleFixed: boolean },
): Deployment | undefined {
  const replicas = isScaleFixed ? desired.spec?.replicas : existing.spec?.replicas;
  // The selector cannot be changed.
  const spec = { ...desired.spec, replicas, selector: existing.spec?.selector ?? desired.spec?.selector };
  const isSame =
    existing.metadata.annotations?.[hashAnnotation] === desired.metadata.annotations?.[hashAnnotation] &&
    isCovered(desired.metadata.labels, existing.metadata.labels) &&
    isCovered(spec, existing.spec);
  return isSame ? undefined : mergeOver(existing, desired, spec as Deployment["spec"]);
}

function mergeOver(existing: Deployment, desired: Deployment, spec: Deployment["spec"]): Deployment {
  const copy = deepCopy(existing);
  const { metadata } = copy;
  const labels = { ...metadata.labels, ...desired.metadata.labels };
  const annotations = { ...metadata.annotations, ...desired.metadata.annotations };
  return { ...copy, metadata: { ...metadata, labels, annotations }, spec } as Deployment;
}

/** The Service brought back to what is wanted; what the API server filled in, its address among it, stays. */
export function mergeService(existing: CoreService, desired: CoreService): CoreService | undefined {
  const isSame =
    isCovered(desired.spec, existing.spec) && isSemanticallyEqual(existing.spec?.selector, desired.spec?.selector);
  return mergeKeepingForeign(existing, {
    ...desired,
    spec: isSame ? existing.spec : { ...existing.spec, ...desired.spec },
  } as CoreService);
}

/** Whether all that is wanted is there: fields beside it do not count, elements of lists do. */
export function isCovered(wanted: unknown, there: unknown): boolean {
  if (isSemanticallyEqual(wanted, there)) return true;
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(there) &&
      wanted.length === there.length &&
      wanted.every((element, index) => isCovered(element, there[index]))
    );
  }
  if (!isRecord(wanted) || !isRecord(there)) return false;
  return Object.entries(wanted).every(([key, value]) =>
    quantityFields.has(key) ? areSameQuantities(value, there[key]) : isCovered(value, there[key]),
  );
}

/** The API server writes quantities its own way: `0.5` becomes `500m`. */
const quantityFields: ReadonlySet<string> = new Set(["limits", "requests"]);

function areSameQuantities(wanted: unknown, there: unknown): boolean {
  if (!isRecord(wanted) || !isRecord(there)) return isSemanticallyEqual(wanted, there);
  return Object.entries(wanted).every(([key, value]) => {
    const [one, other] = [String(value), String(there[key])];
    return one === other || (isQuantity(one) && isQuantity(other) && parseQuantity(one) === parseQuantity(other));
  });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
