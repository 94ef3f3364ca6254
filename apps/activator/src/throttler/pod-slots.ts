/** Names a pod and where the data plane reaches it. */
export interface PodIdentity<U> {
  readonly uid: string;
  readonly name: string;
  readonly upstream: U;
}

/** One pod of a revision as the throttler counts it. Only the throttler writes it. */
export interface PodSlots<U> extends PodIdentity<U> {
  /** Requests that the pod's container has not ended yet. */
  inFlight: number;
  /** Ready by kubelet or opened early by our own probe, and not terminating. */
  isOpen: boolean;
  /** A connection was refused or timed out; nothing is sent until a probe got through. */
  isEjected: boolean;
  isCordoned: boolean;
  /** No longer known to Kubernetes: takes nothing more, but its slots still come back. */
  isGone: boolean;
  /** Index among the pods that can take a request now; -1 when it cannot. */
  position: number;
}

export function makePodSlots<U>(identity: PodIdentity<U>): PodSlots<U> {
  return {
    uid: identity.uid,
    name: identity.name,
    upstream: identity.upstream,
    inFlight: 0,
    isOpen: false,
    isEjected: false,
    isCordoned: false,
    isGone: false,
    position: -1,
  };
}

/** May get requests, be it busy right now. */
export function isUsable(pod: PodSlots<unknown>): boolean {
  return pod.isOpen && !pod.isEjected && !pod.isCordoned && !pod.isGone;
}

/** The pods that can take a request now: constant-time entry, exit and choice. */
export class AvailablePods<U> {
  readonly #pods: PodSlots<U>[] = [];
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  set(pod: PodSlots<U>, isAvailable: boolean): void {
    if (isAvailable === pod.position >= 0) return;
    if (isAvailable) {
      pod.position = this.#pods.push(pod) - 1;
      return;
    }
    const last = this.#pods.pop();
    if (last !== undefined && last !== pod) {
      this.#pods[pod.position] = last;
      last.position = pod.position;
    }
    pod.position = -1;
  }

  /** Two at random, the less loaded of them. */
  choose(): PodSlots<U> | undefined {
    const count = this.#pods.length;
    if (count <= 1) return this.#pods[0];
    const first = Math.floor(this.#random() * count);
    const step = count === 2 ? 1 : 1 + Math.floor(this.#random() * (count - 1));
    const a = this.#pods[first];
    const b = this.#pods[(first + step) % count];
    if (a === undefined || b === undefined) return a ?? b;
    return b.inFlight < a.inFlight ? b : a;
  }
}
