import { describe, expect, test } from "@jest/globals";
import type { PodSlots } from "./pod-slots.ts";
import { RevisionThrottler } from "./revision-throttler.ts";
import type { Refusal, Waiter, WaitingLine } from "./waiting-line.ts";

// A world of pods and impatient clients, driven by a seed. Whatever happens, no container ever has more than it can take,
// no slot is lost, nobody is answered twice, and first come is first served.

type Pod = PodSlots<string>;

function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

type Phase = "new" | "waiting" | "running" | "ended";

class Client implements Waiter<Pod> {
  readonly number: number;
  readonly deadlineMs: number;
  readonly heldBytes = 10;
  line: WaitingLine<Pod> | undefined = undefined;
  ahead: Waiter<Pod> | undefined = undefined;
  behind: Waiter<Pod> | undefined = undefined;
  phase: Phase = "new";
  pod: Pod | undefined = undefined;
  readonly #world: Simulation;

  constructor(number: number, deadlineMs: number, world: Simulation) {
    this.number = number;
    this.deadlineMs = deadlineMs;
    this.#world = world;
  }

  granted(pod: Pod): void {
    expect(this.phase).toBe("waiting");
    this.#world.onGrant(this, pod);
  }

  refused(_reason: Refusal): void {
    expect(this.phase).toBe("waiting");
    this.phase = "ended";
  }
}

class Simulation {
  nowMs = 0;
  readonly slots: number;
  readonly random: () => number;
  readonly throttler: RevisionThrottler<string>;
  readonly totals = { waiters: 0, heldBytes: 0 };
  readonly clients: Client[] = [];
  readonly containers = new Map<string, number>();
  readonly alive = new Set<string>();
  violations = 0;
  #names = 0;

  constructor(seed: number, slots: number) {
    this.slots = slots;
    this.random = seededRandom(seed);
    const limits = { waitersMaxPerRevision: 50, waitersMax: 60, heldBytesMax: 10_000 };
    this.throttler = new RevisionThrottler(
      { namespace: "default", revision: "r" },
      { nowMs: () => this.nowMs, random: this.random, limits, totals: this.totals },
    );
    this.throttler.setSlotsPerPod(slots);
  }

  onGrant(client: Client, pod: Pod): void {
    client.phase = "running";
    client.pod = pod;
    const count = (this.containers.get(pod.uid) ?? 0) + 1;
    this.containers.set(pod.uid, count);
    if (this.slots > 0 && count > this.slots) this.violations++;
    if (!this.alive.has(pod.uid) || pod.isCordoned || pod.isEjected || !pod.isOpen) this.violations++;
  }

  arrive(): void {
    const client = new Client(this.clients.length, this.nowMs + 50 + this.random() * 500, this);
    this.clients.push(client);
    const pod = this.throttler.tryTake();
    if (pod !== undefined) {
      this.onGrant(client, pod);
      return;
    }
    client.phase = "waiting";
    if (!this.throttler.wait(client)) client.phase = "ended";
  }

  hangUp(): void {
    const client = this.#pick((candidate) => candidate.phase === "waiting");
    if (client === undefined) return;
    this.throttler.leave(client);
    client.phase = "ended";
  }

  /** The container ends an exchange, be its client still there or not. */
  finish(): void {
    const client = this.#pick((candidate) => candidate.phase === "running");
    if (client?.pod === undefined) return;
    client.phase = "ended";
    this.#leaveContainer(client.pod);
    this.throttler.giveBack(client.pod);
  }

  refuseConnection(): void {
    const client = this.#pick((candidate) => candidate.phase === "running");
    if (client?.pod === undefined) return;
    const { pod } = client;
    client.phase = "waiting";
    client.pod = undefined;
    this.#leaveContainer(pod);
    this.throttler.setEjected(pod, true);
    this.throttler.giveBackUnseen(pod, client);
  }

  readmit(): void {
    for (const pod of this.throttler.pods.values()) if (this.random() < 0.5) this.throttler.setEjected(pod, false);
  }

  addPod(): void {
    const uid = `pod-${this.#names++}`;
    this.alive.add(uid);
    this.throttler.setPod({ uid, name: uid, upstream: uid }, this.random() < 0.8);
  }

  changePod(): void {
    const uid = this.#anyPod();
    if (uid !== undefined) this.throttler.setPod({ uid, name: uid, upstream: uid }, this.random() < 0.7);
  }

  /** Its exchanges are reset, some time later. */
  removePod(): void {
    const uid = this.#anyPod();
    if (uid === undefined) return;
    this.alive.delete(uid);
    this.throttler.removePod(uid);
  }

  cordon(): void {
    const uid = this.#anyPod();
    if (uid === undefined) return;
    if (this.random() < 0.5) this.throttler.cordon([uid]);
    else this.throttler.uncordon([uid]);
  }

  step(): void {
    this.nowMs += this.random() * 20;
    const actions: [number, () => void][] = [
      [0.35, () => this.arrive()],
      [0.65, () => this.finish()],
      [0.72, () => this.hangUp()],
      [0.78, () => this.refuseConnection()],
      [0.82, () => this.readmit()],
      [0.85, () => this.addPod()],
      [0.89, () => this.changePod()],
      [0.92, () => this.removePod()],
      [0.95, () => this.cordon()],
      [0.96, () => void this.throttler.hold()],
      [1, () => this.throttler.tick()],
    ];
    const dice = this.random();
    actions.find(([below]) => dice < below)?.[1]();
  }

  check(): void {
    const running = this.clients.filter((client) => client.phase === "running");
    const waiting = this.clients.filter((client) => client.phase === "waiting");
    expect(this.violations).toBe(0);
    expect(this.throttler.meter.inFlight).toBe(running.length);
    expect(this.throttler.meter.queued).toBe(waiting.length);
    expect(this.totals).toEqual({ waiters: waiting.length, heldBytes: 10 * waiting.length });
    for (const pod of this.throttler.pods.values()) expect(pod.inFlight).toBe(this.containers.get(pod.uid) ?? 0);
    expect(this.throttler.meter.requestsEnded + running.length + waiting.length).toBeLessThanOrEqual(
      this.clients.length,
    );
  }

  #leaveContainer(pod: Pod): void {
    this.containers.set(pod.uid, (this.containers.get(pod.uid) ?? 0) - 1);
  }

  #anyPod(): string | undefined {
    const uids = [...this.alive];
    return uids[Math.floor(this.random() * uids.length)];
  }

  #pick(fits: (client: Client) => boolean): Client | undefined {
    const fitting = this.clients.filter(fits);
    return fitting[Math.floor(this.random() * fitting.length)];
  }
}

describe.each([1, 2, 5, 0])("with containerConcurrency %i", (slots) => {
  test.each(Array.from({ length: 15 }, (_, i) => i + 1))("seed %i keeps every promise", (seed) => {
    const world = new Simulation(seed * 7_919 + slots, slots);
    world.addPod();
    for (let i = 0; i < 1_500; i++) {
      world.step();
      if (i % 25 === 0) world.check();
    }
    world.check();

    // Everything that runs ends, one good pod is left: then nobody is left waiting.
    while (world.clients.some((client) => client.phase === "running")) world.finish();
    world.alive.add("last");
    world.throttler.setPod({ uid: "last", name: "last", upstream: "last" }, true);
    for (let i = 0; i < 10_000 && world.throttler.meter.queued > 0; i++) {
      world.nowMs += 10;
      world.throttler.tick();
      world.finish();
    }
    while (world.clients.some((client) => client.phase === "running")) world.finish();
    world.check();
    expect(world.throttler.meter).toMatchObject({ inFlight: 0, queued: 0 });
  });
});
