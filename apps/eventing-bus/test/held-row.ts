import type { ReconcileRow } from "@kelvin/testkit";

/** The row with a world in which what is reconciled, unless it is being deleted, has its finalizer already. */
export function heldRow<R extends ReconcileRow>(row: R, { kind, finalizer }: { kind: string; finalizer: string }): R {
  const world = row.world.map((object) => {
    const isIt = object.kind === kind && object.metadata.deletionTimestamp === undefined;
    return isIt ? { ...object, metadata: { ...object.metadata, finalizers: [finalizer] } } : object;
  });
  return { ...row, world };
}
