import type { Pod } from "@kelvin/kube";
import { busId, busLabels } from "../../model/names.ts";

/** What is read of a Pod of a bus. */
export interface PodFacts {
  readonly name: string;
  /** Id of the bus. */
  readonly bus: string;
  readonly address: string;
  readonly isReady: boolean;
}

const finalPhases = new Set(["Succeeded", "Failed"]);

/** Undefined: it is of no bus, has no address, or will not serve any more. */
export function podFacts({ metadata, status = {} }: Pod, systemNamespace: string): PodFacts | undefined {
  const { name = "" } = metadata;
  const { podIP: address = "", conditions = [] } = status;
  const bus = busOfPod(metadata, systemNamespace);
  if (bus === undefined || address === "" || isOver(metadata, status)) return undefined;
  const isReady = conditions.some(({ type, status: value }) => type === "Ready" && value === "True");
  return { name, bus, address: address.includes(":") ? `[${address}]` : address, isReady };
}

/**
 * Anybody who may make Pods in a namespace may give them any labels. So a Pod speaks for a ClusterBus in the system namespace alone,
 * and for a Bus only in that Bus's own.
 */
function busOfPod({ namespace = "", labels = {} }: Pod["metadata"], systemNamespace: string): string | undefined {
  const name = labels[busLabels.bus] ?? "";
  if (name === "" || name.includes("/")) return undefined;
  if (namespace !== systemNamespace) return busId(name, namespace);
  const busNamespace = labels[busLabels.busNamespace] ?? "";
  return busNamespace === "" || busNamespace === namespace ? busId(name, busNamespace) : undefined;
}

function isOver({ deletionTimestamp }: Pod["metadata"], { phase = "" }: NonNullable<Pod["status"]>): boolean {
  return deletionTimestamp !== undefined || finalPhases.has(phase);
}

/** Keeps of a Pod what is read here. */
export function trimPod({ metadata, status = {} }: Pod): Pod {
  const { name = "", namespace = "", uid = "", resourceVersion = "", labels = {}, deletionTimestamp } = metadata;
  const { phase, podIP, conditions } = status;
  return {
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      labels,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    status: {
      ...(phase === undefined ? {} : { phase }),
      ...(podIP === undefined ? {} : { podIP }),
      ...(conditions === undefined ? {} : { conditions }),
    },
  };
}
