import type { Pod } from "@kelvin/kube";
import { busLabels } from "../../model/names.ts";

/** What is read of a Pod of a bus. */
export interface PodFacts {
  readonly name: string;
  readonly bus: string;
  readonly address: string;
  readonly isReady: boolean;
}

const finalPhases = new Set(["Succeeded", "Failed"]);

/** Undefined: it is of no bus, has no address, or will not serve any more. */
export function podFacts({ metadata, status = {} }: Pod): PodFacts | undefined {
  const { name = "", labels = {} } = metadata;
  const { podIP: address = "", conditions = [] } = status;
  const bus = labels[busLabels.bus] ?? "";
  if (bus === "" || address === "" || isOver(metadata, status)) return undefined;
  const isReady = conditions.some(({ type, status: value }) => type === "Ready" && value === "True");
  return { name, bus, address: address.includes(":") ? `[${address}]` : address, isReady };
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
