import type { Pod } from "@kelvin/kube";
import { type Mount, planMounts, prepareMounts } from "./mounts.ts";
import { makeSystemMounts } from "./system-files.ts";

/** What a container asks of the place it runs in. */
export interface PlaceRequest {
  readonly pod: Pod;
  readonly podIp: string;
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The volumes it wants to see. */
  readonly volumeMounts: readonly Mount[];
  /** What we would like it to see besides; a place without mounts does without. */
  readonly agentMounts: readonly Mount[];
  /** The Pod's own directory, and one in it for this container. */
  readonly directory: string;
  readonly scratch: string;
}

export interface PlacePlan {
  /** Words before the shell that becomes the container. */
  readonly words: readonly string[];
  /** Lines that the shell runs before, ended by `&&`, or nothing. */
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The port between the node agent and a way to give a container files of its own. */
export interface ContainerPlace {
  /** @throws Error naming what cannot be had in this place. */
  plan(request: PlaceRequest): PlacePlan;
  /** Words that bring a further command to where the container with this process is. */
  enter(pid: number): readonly string[];
}

/** Containers in mount namespaces of their own: volumes are where the Pod asks for them. */
export const mountNamespaces: ContainerPlace = {
  plan({ pod, podIp, env, volumeMounts, agentMounts, directory, scratch }) {
    const system = makeSystemMounts({ pod, podIp, directory });
    const plan = planMounts([...system, ...agentMounts, ...volumeMounts], scratch);
    prepareMounts(plan);
    return { words: ["unshare", "--mount", "--propagation", "private"], script: plan.script, env };
  },
  enter: (pid) => ["nsenter", `--mount=/proc/${pid}/ns/mnt`],
};
