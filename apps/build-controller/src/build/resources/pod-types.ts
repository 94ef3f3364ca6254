import type { Pod } from "@kelvin/kube";

// Parts of a Pod by shorter names.

export type PodSpec = NonNullable<Pod["spec"]>;
export type Container = PodSpec["containers"][number];
export type Volume = NonNullable<PodSpec["volumes"]>[number];
export type Mount = NonNullable<Container["volumeMounts"]>[number];
export type EnvVar = NonNullable<Container["env"]>[number];
export type ContainerStatus = NonNullable<NonNullable<Pod["status"]>["containerStatuses"]>[number];
