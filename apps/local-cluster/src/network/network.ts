/** What one Pod gets: an address of its own and a way for its processes to live there. */
export interface PodNetwork {
  readonly address: string;
  /** Words to put before a command so that it runs inside this Pod's network. */
  readonly enter: readonly string[];
  /** Gives the network back. The address is not handed out again soon, so a late packet meets nobody. */
  close(): Promise<void>;
}

/**
 * The port between the node agent and a way to keep Pods apart. One driver so far: network namespaces on a bridge.
 * A driver promises that a Pod may listen on any port and address, and reaches other Pods, Services and itself.
 */
export interface Network {
  readonly driver: string;
  /** Words before a command that runs it where every outside address is local; absent when there is no way out. */
  readonly egress?: readonly string[];
  /** A Pod's network, prepared beforehand where possible, so that taking one costs nothing. */
  openPodNetwork(): Promise<PodNetwork>;
  close(): Promise<void>;
}

/** Where Pods and Services live; nothing of it is visible outside the cluster's network namespace. */
export const addresses = {
  bridge: "10.44.0.1",
  podPrefixBits: 16,
  firstPod: "10.44.0.2",
  lastPod: "10.44.255.253",
  /** The router to all that is outside of the cluster. */
  egress: "10.44.255.254",
  serviceRange: "10.96.0.0/16",
  apiServer: "10.96.0.1",
  /** Where Pods find the ports that are published on the host. */
  host: "10.96.0.2",
  /** Where names are resolved. */
  dns: "10.96.0.10",
} as const;
