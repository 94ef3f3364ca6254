import { ConcurrencyMeter } from "./concurrency-meter.ts";
import { Cordons, cordonPatienceMs } from "./cordons.ts";
import { AvailablePods, isUsable, makePodSlots, type PodIdentity, type PodSlots } from "./pod-slots.ts";
import { type Refusal, type Waiter, WaitingLine } from "./waiting-line.ts";

// Who may send to which pod, for one revision. Pure: time and chance are given, nothing here touches a socket or a timer.
// The invariant everything serves: with a limit c, a pod never holds more than c requests that its container has not ended.

/** What all throttlers share with their surroundings. */
export interface ThrottlerWorld {
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly limits: ThrottlerLimits;
  /** Of all revisions together. The throttlers keep it. */
  readonly totals: { waiters: number; heldBytes: number };
}

export interface ThrottlerLimits {
  readonly waitersMaxPerRevision: number;
  readonly waitersMax: number;
  readonly heldBytesMax: number;
}

export const defaultThrottlerLimits: ThrottlerLimits = {
  waitersMaxPerRevision: 10_000,
  waitersMax: 50_000,
  heldBytesMax: 256 * 1024 * 1024,
};

/** How long a held revision queues: long enough for the deletion of its pods to reach us, if the scale to zero did happen. */
export const holdSettleMs = 1_000;
/** A hold nobody acted upon ends by itself. */
export const holdMaxMs = 60_000;

export class RevisionThrottler<U> {
  readonly namespace: string;
  readonly revision: string;
  readonly meter: ConcurrencyMeter;
  readonly pods = new Map<string, PodSlots<U>>();
  /** Changes whenever the set of open pods does. */
  openPodsVersion = 0;
  /** 0 is no limit; undefined while the Revision is not known, when nothing is sent. */
  #slotsPerPod: number | undefined;
  #heldSinceMs: number | undefined;
  #stuckSinceMs: number | undefined;
  #usableCount = 0;
  #isDispatching = false;
  readonly #line = new WaitingLine<PodSlots<U>>();
  readonly #cordons = new Cordons();
  readonly #available: AvailablePods<U>;
  readonly #world: ThrottlerWorld;

  constructor(identity: { namespace: string; revision: string }, world: ThrottlerWorld) {
    this.namespace = identity.namespace;
    this.revision = identity.revision;
    this.#world = world;
    this.#available = new AvailablePods(world.random);
    this.meter = new ConcurrencyMeter(world.nowMs());
  }

  /** Takes a slot at once, or returns undefined: then `wait`. */
  tryTake(): PodSlots<U> | undefined {
    if (this.#line.size > 0 || this.#heldSinceMs !== undefined) return undefined;
    const pod = this.#available.choose();
    if (pod === undefined) return undefined;
    this.meter.settle(this.#world.nowMs());
    this.#take(pod);
    return pod;
  }

  /** Puts a request at the end of the line. False: there is no room. */
  wait(waiter: Waiter<PodSlots<U>>): boolean {
    const { limits, totals } = this.#world;
    if (this.#line.size >= limits.waitersMaxPerRevision || totals.waiters >= limits.waitersMax) return false;
    if (totals.heldBytes + waiter.heldBytes > limits.heldBytesMax) return false;
    this.meter.settle(this.#world.nowMs());
    this.#line.append(waiter);
    this.#countWaiter(waiter, 1);
    return true;
  }

  /** Takes a request out of the line, if it still stands there: its client has gone. */
  leave(waiter: Waiter<PodSlots<U>>): void {
    if (waiter.line !== this.#line) return;
    this.#unqueue(waiter);
    this.meter.requestsEnded++;
  }

  /** The container has ended the request, or is gone. */
  giveBack(pod: PodSlots<U>): void {
    this.#returnSlot(pod);
    this.meter.requestsEnded++;
    this.#dispatch();
  }

  /** The pod has seen nothing of this request, which waits again, first in line. */
  giveBackUnseen(pod: PodSlots<U>, waiter: Waiter<PodSlots<U>>): void {
    this.#returnSlot(pod);
    this.#line.prepend(waiter);
    this.#countWaiter(waiter, 1);
    this.#dispatch();
  }

  /** A pod was added or has changed. The same uid keeps its counts. */
  setPod(identity: PodIdentity<U>, isOpen: boolean): PodSlots<U> {
    let pod = this.pods.get(identity.uid);
    if (pod === undefined) {
      pod = makePodSlots(identity);
      this.pods.set(pod.uid, pod);
    }
    const wasUsable = isUsable(pod);
    pod.isCordoned = this.#cordons.has(pod.name);
    if (pod.isOpen !== isOpen) {
      pod.isOpen = isOpen;
      pod.isEjected = false;
      this.openPodsVersion++;
    }
    this.#refresh(pod, wasUsable);
    this.#dispatch();
    return pod;
  }

  /** The pod is no longer there. Whoever owns its exchanges resets them. */
  removePod(uid: string): PodSlots<U> | undefined {
    const pod = this.pods.get(uid);
    if (pod === undefined) return undefined;
    const wasUsable = isUsable(pod);
    if (pod.isOpen) this.openPodsVersion++;
    pod.isOpen = false;
    pod.isGone = true;
    this.#refresh(pod, wasUsable);
    this.pods.delete(uid);
    this.#cordons.remove([pod.name]);
    return pod;
  }

  /** Stops or resumes sending to a pod that refuses connections. True when that changed anything. */
  setEjected(pod: PodSlots<U>, isEjected: boolean): boolean {
    if (pod.isEjected === isEjected || pod.isGone) return false;
    const wasUsable = isUsable(pod);
    pod.isEjected = isEjected;
    this.#refresh(pod, wasUsable);
    this.#dispatch();
    return true;
  }

  /** 0 is no limit; undefined stops everything, for a Revision that is not there. */
  setSlotsPerPod(slotsPerPod: number | undefined): void {
    if (slotsPerPod === this.#slotsPerPod) return;
    this.#slotsPerPod = slotsPerPod;
    for (const pod of this.pods.values()) this.#refresh(pod, isUsable(pod));
    this.#dispatch();
  }

  cordon(names: readonly string[]): void {
    this.#cordons.add(names, this.#world.nowMs());
    this.#applyCordons();
  }

  uncordon(names: readonly string[]): void {
    this.#cordons.remove(names);
    this.#applyCordons();
  }

  inFlightByName(names: readonly string[]): Record<string, number> {
    const counts = new Map(names.map((name) => [name, 0]));
    for (const pod of this.pods.values()) {
      const count = counts.get(pod.name);
      if (count !== undefined) counts.set(pod.name, count + pod.inFlight);
    }
    return Object.fromEntries(counts);
  }

  /** Queues what comes from now on, if nothing is here now. */
  hold(): boolean {
    if (!this.meter.isIdle()) return false;
    // Without a pod to send to, requests queue anyway, and the next pod must not be held back.
    if (this.#usableCount > 0) this.#heldSinceMs = this.#world.nowMs();
    return true;
  }

  /** Some pod may get requests, be it busy right now. */
  hasUsablePod(): boolean {
    return this.#usableCount > 0 && this.#slotsPerPod !== undefined && this.#heldSinceMs === undefined;
  }

  /** Time matters to it soon: call `tick` often. */
  isPending(): boolean {
    return this.#line.size > 0 || this.#heldSinceMs !== undefined;
  }

  /** Nothing would be missed if it were made anew. */
  isForgettable(): boolean {
    return this.meter.isIdle() && this.pods.size === 0 && this.#cordons.count === 0 && this.#heldSinceMs === undefined;
  }

  /** Lets time pass: deadlines, holds and cordons. */
  tick(): void {
    const nowMs = this.#world.nowMs();
    for (let first = this.#line.first; first !== undefined && first.deadlineMs <= nowMs; first = this.#line.first) {
      this.#refuse(first, this.#slotsPerPod === undefined ? "revision-not-found" : "timeout");
    }
    this.#expireHold(nowMs);
    this.#liftStuckCordons(nowMs);
    if (this.#cordons.expire(nowMs)) this.#applyCordons();
    this.#dispatch();
  }

  /** Sends every waiter away. */
  refuseAll(reason: Refusal): void {
    for (let first = this.#line.first; first !== undefined; first = this.#line.first) this.#refuse(first, reason);
  }

  #expireHold(nowMs: number): void {
    if (this.#heldSinceMs === undefined) return;
    const limitMs = this.#line.size > 0 ? holdSettleMs : holdMaxMs;
    if (nowMs - this.#heldSinceMs >= limitMs) this.#heldSinceMs = undefined;
  }

  /** An autoscaler that died between cordon and scale must not starve a revision whose pods are all well. */
  #liftStuckCordons(nowMs: number): void {
    if (this.#cordons.count === 0 || this.#line.size === 0 || this.#usableCount > 0) {
      this.#stuckSinceMs = undefined;
      return;
    }
    this.#stuckSinceMs ??= nowMs;
    if (nowMs - this.#stuckSinceMs < cordonPatienceMs) return;
    this.#cordons.clear();
    this.#applyCordons();
  }

  #applyCordons(): void {
    for (const pod of this.pods.values()) {
      const wasUsable = isUsable(pod);
      pod.isCordoned = this.#cordons.has(pod.name);
      this.#refresh(pod, wasUsable);
    }
    this.#dispatch();
  }

  /** Gives pods to waiters, first come first served. A waiter may fail at once and stand in line again: the loop sees it. */
  #dispatch(): void {
    if (this.#isDispatching || this.#heldSinceMs !== undefined) return;
    this.#isDispatching = true;
    try {
      for (let first = this.#line.first; first !== undefined; first = this.#line.first) {
        const pod = this.#available.choose();
        if (pod === undefined) break;
        this.#unqueue(first);
        this.#take(pod);
        first.granted(pod);
      }
    } finally {
      this.#isDispatching = false;
    }
  }

  #refuse(waiter: Waiter<PodSlots<U>>, reason: Refusal): void {
    this.#unqueue(waiter);
    this.meter.requestsEnded++;
    waiter.refused(reason);
  }

  #unqueue(waiter: Waiter<PodSlots<U>>): void {
    this.meter.settle(this.#world.nowMs());
    this.#line.remove(waiter);
    this.#countWaiter(waiter, -1);
  }

  #countWaiter(waiter: Waiter<PodSlots<U>>, sign: 1 | -1): void {
    this.meter.queued += sign;
    this.#world.totals.waiters += sign;
    this.#world.totals.heldBytes += sign * waiter.heldBytes;
  }

  #take(pod: PodSlots<U>): void {
    pod.inFlight++;
    this.meter.inFlight++;
    if (this.#slotsPerPod !== 0 && pod.inFlight >= (this.#slotsPerPod ?? 0)) this.#available.set(pod, false);
  }

  #returnSlot(pod: PodSlots<U>): void {
    if (pod.inFlight <= 0) throw new Error("A slot was given back twice.");
    this.meter.settle(this.#world.nowMs());
    pod.inFlight--;
    this.meter.inFlight--;
    this.#refreshAvailability(pod);
  }

  #refresh(pod: PodSlots<U>, wasUsable: boolean): void {
    this.#usableCount += Number(isUsable(pod)) - Number(wasUsable);
    // The scale to zero has happened: the hold has done its work.
    if (this.#usableCount === 0) this.#heldSinceMs = undefined;
    this.#refreshAvailability(pod);
  }

  #refreshAvailability(pod: PodSlots<U>): void {
    const slots = this.#slotsPerPod;
    const hasRoom = slots !== undefined && (slots === 0 || pod.inFlight < slots);
    this.#available.set(pod, hasRoom && isUsable(pod));
  }
}
