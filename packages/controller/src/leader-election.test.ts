import { afterEach, describe, expect, test } from "@jest/globals";
import { Lease, UnavailableError } from "@kelvin/kube";
import type { KubeClient } from "@kelvin/kube";
import { fakeClock, openFakeKube } from "@kelvin/testkit";
import type { FakeClock, FakeKube } from "@kelvin/testkit";
import { openLeaderElection } from "./leader-election.ts";
import type { LeaderElection, LeaderElectionOptions } from "./leader-election.ts";

const lease = { namespace: "knative-serving", name: "autoscaler" };

interface Candidate {
  election: LeaderElection;
  /** What happened, with the second at which it did. */
  told: string[];
  /** Whether it may act right now. */
  isActing: () => boolean;
}

const elections: LeaderElection[] = [];
afterEach(async () => {
  await Promise.all(elections.splice(0).map((election) => election.close()));
});

interface World {
  kube: FakeKube;
  clock: FakeClock;
}

function world(): World {
  const clock = fakeClock();
  return { clock, kube: openFakeKube({ clock }) };
}

function open(
  { kube, clock }: { kube: Pick<KubeClient, "find" | "create" | "update">; clock: FakeClock },
  identity: string,
  options: Partial<LeaderElectionOptions> = {},
): Candidate {
  const told: string[] = [];
  let acting: AbortSignal | undefined;
  const tell = (what: string): void => void told.push(`${what}@${clock.monotonicMs() / 1000}`);
  const election = openLeaderElection({
    kube,
    clock,
    lease,
    identity,
    random: () => 0,
    onLead: (signal) => {
      acting = signal;
      tell("lead");
      signal.addEventListener("abort", () => tell("stop"));
    },
    onLost: () => tell("lost"),
    ...options,
  });
  elections.push(election);
  return { election, told, isActing: () => acting?.aborted === false };
}

/** A client whose calls fail while `isDown`. */
function breakable(kube: FakeKube): { kube: Pick<KubeClient, "find" | "create" | "update">; isDown: boolean } {
  const state = { isDown: false, kube: {} as KubeClient };
  const guard = async <R>(call: () => Promise<R>): Promise<R> => {
    if (state.isDown) throw new UnavailableError("partitioned");
    const result = await call();
    return result;
  };
  state.kube = {
    ...kube,
    find: (kind, key, options) => guard(() => kube.find(kind, key, options)),
    create: (kind, object, options) => guard(() => kube.create(kind, object, options)),
    update: (kind, object, options) => guard(() => kube.update(kind, object, options)),
  };
  return state;
}

describe("leader election", () => {
  test("the first takes the lease and renews it; others see who holds it and wait", async () => {
    const { kube, clock } = world();
    const first = open({ kube, clock }, "a");
    await clock.settle();
    const second = open({ kube, clock }, "b");
    await clock.advance(120_000);
    expect([first.told, second.told]).toEqual([["lead@0"], []]);
    expect([first.election.isLeader, second.election.isLeader, second.election.holder]).toEqual([true, false, "a"]);
    const [stored] = kube.objects(Lease);
    expect(stored?.spec).toMatchObject({ holderIdentity: "a", leaseDurationSeconds: 15, leaseTransitions: 0 });
    expect(stored?.spec?.renewTime).toMatch(/^2026-01-01T00:0[12]:\d\d\.\d{6}Z$/);
  });

  test("of many candidates at once exactly one leads", async () => {
    const { kube, clock } = world();
    const candidates = ["a", "b", "c", "d"].map((identity) => open({ kube, clock }, identity));
    await clock.advance(30_000);
    expect(candidates.filter(({ isActing }) => isActing())).toHaveLength(1);
  });

  test("a lease that is given up is taken within seconds, one whose holder died only when it has expired", async () => {
    const { kube, clock } = world();
    const first = open({ kube, clock }, "a");
    await clock.settle();
    const second = open({ kube, clock }, "b");
    await clock.advance(3000);
    const closing = first.election.close();
    await clock.advance(3000);
    await closing;
    expect(first.told).toEqual(["lead@0", "stop@3", "lost@3"]);
    expect(second.told).toEqual(["lead@4"]);

    const [stored] = kube.objects(Lease);
    kube.put({ ...stored, spec: { ...stored?.spec, holderIdentity: "dead" } } as Lease);
    await clock.advance(10_000);
    expect(second.election.holder).toBe("dead");
    expect(second.isActing()).toBe(false);
    await clock.advance(12_000);
    expect(second.isActing()).toBe(true);
    expect(kube.objects(Lease)[0]?.spec?.leaseTransitions).toBe(2);
  });

  test("a leader that cannot reach the API server stops before anyone else may begin", async () => {
    const { kube, clock } = world();
    const link = breakable(kube);
    const first = open({ kube: link.kube, clock }, "a");
    await clock.settle();
    const second = open({ kube, clock }, "b");
    await clock.advance(20_000);
    link.isDown = true;
    for (let second_ = 0; second_ < 40; second_ += 1) {
      await clock.advance(1000);
      expect([first.isActing(), second.isActing()]).not.toEqual([true, true]);
    }
    const stoppedAt = Number(first.told.find((what) => what.startsWith("stop"))?.split("@")[1]);
    const startedAt = Number(second.told[0]?.split("@")[1]);
    expect(stoppedAt).toBeLessThanOrEqual(30);
    expect(startedAt - stoppedAt).toBeGreaterThanOrEqual(4);
    expect(startedAt).toBeLessThanOrEqual(40);
    link.isDown = false;
    await clock.advance(10_000);
    expect([first.isActing(), second.isActing(), first.election.holder]).toEqual([false, true, "b"]);
  });

  test("an API server that hangs stops a leader just as well", async () => {
    const { kube, clock } = world();
    const first = open({ kube, clock }, "a");
    await clock.advance(5000);
    kube.intercept(() => new Promise(() => undefined));
    await clock.advance(11_000);
    expect(first.isActing()).toBe(false);
    kube.intercept(undefined);
    elections.length = 0;
  });

  test("a short outage costs nothing", async () => {
    const { kube, clock } = world();
    const link = breakable(kube);
    const { told } = open({ kube: link.kube, clock }, "a");
    await clock.advance(5000);
    link.isDown = true;
    await clock.advance(7000);
    link.isDown = false;
    await clock.advance(60_000);
    expect(told).toEqual(["lead@0"]);
  });

  test("a skewed wall clock in the lease does not matter", async () => {
    const { kube, clock } = world();
    const renewTime = "2020-01-01T00:00:00.000000Z";
    kube.put({
      apiVersion: "coordination.k8s.io/v1",
      kind: "Lease",
      metadata: lease,
      spec: { holderIdentity: "alive", leaseDurationSeconds: 15, renewTime },
    } as Lease);
    const { told } = open({ kube, clock }, "b");
    await clock.advance(14_000);
    expect(told).toEqual([]);
    await clock.advance(3000);
    expect(told).toHaveLength(1);
  });

  test("gives the lease up only when the leader's work has ended", async () => {
    const { kube, clock } = world();
    const tidying = Promise.withResolvers<void>();
    const { election } = open({ kube, clock }, "a", { onLead: () => tidying.promise });
    await clock.advance(1000);
    const closing = election.close();
    await clock.settle();
    expect(kube.objects(Lease)[0]?.spec?.holderIdentity).toBe("a");
    tidying.resolve();
    await closing;
    expect(kube.objects(Lease)[0]?.spec?.holderIdentity).toBe("");
  });

  test("a leader whose work fails lets another try", async () => {
    const { kube, clock } = world();
    const failing = open({ kube, clock }, "a", { onLead: () => Promise.reject(new Error("no")), retryMs: 60_000 });
    const other = open({ kube, clock }, "b");
    await clock.advance(4000);
    expect([failing.election.isLeader, other.isActing()]).toEqual([false, true]);
  });
});
