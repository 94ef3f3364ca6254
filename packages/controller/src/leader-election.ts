import { AlreadyExistsError, ConflictError, Lease, systemClock, toError } from "@kelvin/kube";
import type { Clock, KubeClient } from "@kelvin/kube";
import { silentLog } from "./log.ts";
import type { Log } from "./log.ts";

/** Which lease, who we are, and what leading means. */
export interface LeaderElectionOptions {
  kube: Pick<KubeClient, "find" | "create" | "update">;
  lease: { namespace: string; name: string };
  /**
   * Unique among the candidates: the pod's name, and after an underscore whatever else others should read in the lease,
   * such as an address. A restarted candidate with the same name takes its own lease at once.
   */
  identity: string;
  /**
   * Called when we begin to lead. `signal` aborts when we must stop: it is lost, or we close. The lease is given up only
   * after the promise has settled, so that the next leader never overlaps a tidy stop. If it rejects we stop leading.
   */
  onLead: (signal: AbortSignal) => void | Promise<void>;
  /** Called after `onLead` has settled, when we no longer lead. */
  onLost?: () => void;
  /** How long a lease holds without renewal. Default 15 s. */
  leaseMs?: number;
  /** We stop acting when no renewal has succeeded for this long; less than `leaseMs`. Default 10 s. */
  renewMsMax?: number;
  /** How often to renew, or to look whether the lease is free. Default 2 s. */
  retryMs?: number;
  clock?: Clock;
  random?: () => number;
  log?: Log;
}

/** One candidate. */
export interface LeaderElection {
  readonly isLeader: boolean;
  /** The identity that holds the lease, as last read; undefined while nobody is known to. */
  readonly holder: string | undefined;
  /** Stops leading, gives the lease up so that another can take it at once, and stops. */
  close(): Promise<void>;
}

const LEASE_MS = 15_000;
const RENEW_MS_MAX = 10_000;
const RETRY_MS = 2000;

interface Candidate {
  options: LeaderElectionOptions;
  clock: Clock;
  log: Log;
  leaseMs: number;
  renewMsMax: number;
  retryMs: number;
  signal: AbortSignal;
  /** The lease as last read, and when it was first seen so: others' clocks are not trusted. */
  seen: { version: string; atMs: number; lease: Lease } | undefined;
  holder: string | undefined;
  isLeader: boolean;
}

/**
 * Starts to compete for the lease. At most one candidate acts at a time, as long as clocks run at about the same speed:
 * a leader stops `leaseMs - renewMsMax` before anyone may take its lease, even when the API server cannot be reached.
 */
export function openLeaderElection(options: LeaderElectionOptions): LeaderElection {
  const abort = new AbortController();
  const candidate: Candidate = {
    options,
    clock: options.clock ?? systemClock,
    log: options.log ?? silentLog,
    leaseMs: options.leaseMs ?? LEASE_MS,
    renewMsMax: options.renewMsMax ?? RENEW_MS_MAX,
    retryMs: options.retryMs ?? RETRY_MS,
    signal: abort.signal,
    seen: undefined,
    holder: undefined,
    isLeader: false,
  };
  if (candidate.renewMsMax >= candidate.leaseMs) throw new RangeError("renewMsMax must be less than leaseMs");
  const running = run(candidate);
  return {
    get isLeader() {
      return candidate.isLeader;
    },
    get holder() {
      return candidate.holder;
    },
    async close() {
      abort.abort();
      await running;
    },
  };
}

async function run(candidate: Candidate): Promise<void> {
  const { signal, clock, retryMs, options } = candidate;
  const random = options.random ?? Math.random;
  while (!signal.aborted) {
    const startedMs = clock.monotonicMs();
    if (await tryAcquire(candidate, signal)) await lead(candidate, startedMs);
    await clock.sleep(retryMs * (1 + random() * 0.2), signal);
  }
}

/** Leads until the lease is lost or we close; `acquiredMs` is when the request that got the lease was sent. */
async function lead(candidate: Candidate, acquiredMs: number): Promise<void> {
  const { signal, log, options } = candidate;
  const acting = new AbortController();
  const stopActing = (): void => acting.abort();
  signal.addEventListener("abort", stopActing, { once: true });
  if (signal.aborted) stopActing();
  candidate.isLeader = true;
  log.info({ lease: options.lease.name, identity: options.identity }, "Became leader");
  const work = Promise.resolve()
    .then(() => options.onLead(acting.signal))
    .catch((error: unknown) => {
      // Another candidate may fare better.
      log.error({ err: toError(error) }, "Leading failed");
      stopActing();
    });

  await renewUntil(candidate, { acting, renewedMs: acquiredMs });
  candidate.isLeader = false;
  acting.abort();
  signal.removeEventListener("abort", stopActing);
  log.info({ lease: options.lease.name, identity: options.identity }, "Stopped leading");
  await work;
  await release(candidate);
  options.onLost?.();
}

interface Term {
  acting: AbortController;
  /** When the last successful renewal was sent: the lease holds at least `leaseMs` from then. */
  renewedMs: number;
}

async function renewUntil(candidate: Candidate, term: Term): Promise<void> {
  const { clock, renewMsMax, retryMs } = candidate;
  const { signal } = term.acting;
  let cancelExpiry = clock.setTimer(() => term.acting.abort(), term.renewedMs + renewMsMax - clock.monotonicMs());
  let delayMs = retryMs;
  while (!signal.aborted) {
    await clock.sleep(delayMs, signal);
    if (signal.aborted) break;
    const sentMs = clock.monotonicMs();
    const isRenewed = await tryAcquire(candidate, signal);
    if (signal.aborted) break;
    // After a failure time is short.
    delayMs = isRenewed ? retryMs : retryMs / 4;
    if (isRenewed) {
      cancelExpiry();
      cancelExpiry = clock.setTimer(() => term.acting.abort(), sentMs + renewMsMax - clock.monotonicMs());
    } else if (candidate.holder !== undefined && candidate.holder !== candidate.options.identity) break;
  }
  cancelExpiry();
}

/** Whether the lease is now ours. Failures are logged, not thrown. */
async function tryAcquire(candidate: Candidate, signal: AbortSignal): Promise<boolean> {
  try {
    return await acquire(candidate, signal);
  } catch (error) {
    const wasRace = error instanceof ConflictError || error instanceof AlreadyExistsError;
    if (!wasRace && !signal.aborted) {
      candidate.log.warn({ err: toError(error), lease: candidate.options.lease.name }, "Reaching the lease failed");
    }
    return false;
  }
}

async function acquire(candidate: Candidate, signal: AbortSignal): Promise<boolean> {
  const { options } = candidate;
  const { kube, lease: key, identity } = options;
  const current = await kube.find(Lease, key, { signal });
  if (current === undefined) {
    const created = await kube.create(Lease, makeLease(candidate, undefined), { signal });
    observe(candidate, created);
    return true;
  }
  observe(candidate, current);
  const holder = current.spec?.holderIdentity ?? "";
  if (holder !== "" && nameOf(holder) !== nameOf(identity) && !hasExpired(candidate)) return false;
  observe(candidate, await kube.update(Lease, makeLease(candidate, current), { signal }));
  return true;
}

/** The part of an identity that tells candidates apart; two processes of one pod never run at the same time. */
function nameOf(identity: string): string {
  return identity.split("_", 1)[0] ?? identity;
}

function observe(candidate: Candidate, lease: Lease): void {
  const version = lease.metadata.resourceVersion ?? "";
  candidate.holder = (lease.spec?.holderIdentity ?? "") === "" ? undefined : lease.spec?.holderIdentity;
  if (candidate.seen?.version === version) return;
  candidate.seen = { version, lease, atMs: candidate.clock.monotonicMs() };
}

/** Expired means: unchanged before our eyes for as long as it says it holds. */
function hasExpired({ seen, clock, leaseMs }: Candidate): boolean {
  if (seen === undefined) return false;
  const seconds = seen.lease.spec?.leaseDurationSeconds;
  return clock.monotonicMs() - seen.atMs >= (seconds === undefined ? leaseMs : seconds * 1000);
}

function makeLease({ options, clock, leaseMs }: Candidate, current: Lease | undefined): Lease {
  const renewTime = microTime(clock.now());
  return {
    ...current,
    metadata: current?.metadata ?? { ...options.lease },
    spec: {
      ...current?.spec,
      ...tenure(options.identity, current, renewTime),
      holderIdentity: options.identity,
      leaseDurationSeconds: Math.ceil(leaseMs / 1000),
      renewTime,
    },
  };
}

/** Since when the holder holds it, and how often it has changed hands. */
function tenure(
  identity: string,
  current: Lease | undefined,
  now: string,
): { acquireTime: string; leaseTransitions: number } {
  const { holderIdentity, acquireTime = now, leaseTransitions = 0 } = current?.spec ?? {};
  if (holderIdentity === identity) return { acquireTime, leaseTransitions };
  return { acquireTime: now, leaseTransitions: current === undefined ? 0 : leaseTransitions + 1 };
}

/** Lets another take over at once. Failing only makes it wait for the lease to expire. */
async function release(candidate: Candidate): Promise<void> {
  const { seen, options, clock, log } = candidate;
  if (seen?.lease.spec?.holderIdentity !== options.identity) return;
  const spec = { ...seen.lease.spec, holderIdentity: "", leaseDurationSeconds: 1, renewTime: microTime(clock.now()) };
  try {
    observe(candidate, await options.kube.update(Lease, { ...seen.lease, spec }));
  } catch (error) {
    log.debug({ err: toError(error) }, "Giving the lease up failed");
  }
}

function microTime(now: Date): string {
  return now.toISOString().replace("Z", "000Z");
}
