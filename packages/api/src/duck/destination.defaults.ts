import type { DeliverySpec, Destination, KReference } from "./destination.types.ts";

/** Gives a reference the namespace of the object that holds it, in place. */
export function defaultReference(ref: KReference | undefined, namespace: string | undefined): void {
  if (ref !== undefined && (ref.namespace ?? "") === "" && namespace !== undefined) ref.namespace = namespace;
}

/** Fills in the namespace of a destination's reference, in place. */
export function defaultDestination(destination: Destination | undefined, namespace: string | undefined): void {
  defaultReference(destination?.ref, namespace);
}

/** Fills in the namespace of the dead-letter sink, in place. */
export function defaultDelivery(delivery: DeliverySpec | undefined, namespace: string | undefined): void {
  defaultDestination(delivery?.deadLetterSink, namespace);
}
