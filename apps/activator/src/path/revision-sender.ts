import type { ConnectFailure, Exchange, ForwardOptions, HeaderEdits } from "@kelvin/http-proxy";
import type { RevisionDirectory, RevisionEntry, RevisionPod } from "../throttler/revision-directory.ts";
import type { Refusal, Waiter, WaitingLine } from "../throttler/waiting-line.ts";
import { answer, type Sender } from "./sender.ts";

/** Counts that the metrics endpoint shows. */
export interface RevisionCounters {
  /** Slots given back after the bound though the container may still be at it: the limit may have been exceeded. */
  slotReleasedUnfinished: number;
  /** Requests that took another pod, or waited, because a connection failed. */
  retries: number;
  queueFull: number;
  waitTimeouts: number;
}

/** What the senders of all revisions share. */
export interface RevisionSenderDeps {
  readonly revisions: RevisionDirectory;
  readonly nowMs: () => number;
  readonly counters: RevisionCounters;
  /** A request waits and no pod could take it even if it were idle: the autoscaler should know at once. */
  onStarved(): void;
  eject(pod: RevisionPod, revisionKey: string): void;
}

/** What is kept of a request that waits, besides the body bytes its head announces. */
const headBytes = 2_048;
const bodyBytesHeldMax = 65_536;

/** Sends to one revision's pods with one set of header edits: at once where a slot is free, in turn otherwise. */
export class RevisionSender implements Sender {
  readonly #target: { readonly namespace: string; readonly name: string; readonly key: string };
  readonly #edits: HeaderEdits;
  readonly #deps: RevisionSenderDeps;
  /** Options say nothing of the request, so all requests to a pod share them. */
  readonly #options = new WeakMap<RevisionPod, ForwardOptions>();

  constructor(
    target: { readonly namespace: string; readonly name: string; readonly key: string },
    edits: HeaderEdits,
    deps: RevisionSenderDeps,
  ) {
    this.#target = target;
    this.#edits = edits;
    this.#deps = deps;
  }

  send(exchange: Exchange): void {
    const { revisions } = this.#deps;
    const entry = revisions.find(this.#target.key) ?? revisions.ensure(this.#target.namespace, this.#target.name);
    const pod = entry.throttler.tryTake();
    if (pod === undefined) this.#wait(entry, exchange);
    else exchange.forward(this.#optionsFor(entry, pod));
  }

  /** After its turn has come. What it has waited counts against its time. */
  forwardLate(entry: RevisionEntry, pod: RevisionPod, exchange: Exchange): void {
    const elapsedMs = this.#deps.nowMs() - exchange.receivedAtMs;
    const options = this.#optionsFor(entry, pod);
    exchange.forward({ ...options, totalMsMax: Math.max(1, entry.timeoutMs - elapsedMs) });
  }

  #wait(entry: RevisionEntry, exchange: Exchange): void {
    const { revisions, counters } = this.#deps;
    const waiter = new WaitingRequest(this, entry, exchange);
    if (!entry.throttler.wait(waiter)) {
      counters.queueFull++;
      answer(exchange, 503, "pending request queue full");
      return;
    }
    revisions.watch(entry);
    if (!entry.throttler.hasUsablePod()) this.#deps.onStarved();
  }

  #optionsFor(entry: RevisionEntry, pod: RevisionPod): ForwardOptions {
    let options = this.#options.get(pod);
    if (options === undefined) {
      options = this.#makeOptions(entry, pod);
      this.#options.set(pod, options);
    }
    return options;
  }

  #makeOptions(entry: RevisionEntry, pod: RevisionPod): ForwardOptions {
    const { counters } = this.#deps;
    return {
      address: pod.upstream.address,
      edits: this.#edits,
      discardOnClientGone: entry.slotsPerPod > 0,
      discardMsMax: entry.timeoutMs,
      responseStartMsMax: entry.responseStartMsMax,
      idleMsMax: entry.idleMsMax,
      totalMsMax: entry.timeoutMs,
      onConnectFailed: (exchange, failure) => {
        this.#retry(entry, pod, { exchange, failure });
      },
      onUpstreamEnd: (_exchange, reason) => {
        if (reason === "discard-deadline") counters.slotReleasedUnfinished++;
        entry.throttler.giveBack(pod);
      },
    };
  }

  /** Nothing was seen by the pod, so the request waits again, first in line, and the pod is left alone for a while. */
  #retry(entry: RevisionEntry, pod: RevisionPod, failed: { exchange: Exchange; failure: ConnectFailure }): void {
    this.#deps.eject(pod, entry.key);
    if (failed.exchange.outcome !== undefined) {
      entry.throttler.giveBack(pod);
      return;
    }
    this.#deps.counters.retries++;
    const waiter = new WaitingRequest(this, entry, failed.exchange);
    entry.throttler.giveBackUnseen(pod, waiter);
    if (waiter.line === undefined) return;
    this.#deps.revisions.watch(entry);
    if (!entry.throttler.hasUsablePod()) this.#deps.onStarved();
  }

  get counters(): RevisionCounters {
    return this.#deps.counters;
  }
}

class WaitingRequest implements Waiter<RevisionPod> {
  readonly deadlineMs: number;
  readonly heldBytes: number;
  line: WaitingLine<RevisionPod> | undefined = undefined;
  ahead: Waiter<RevisionPod> | undefined = undefined;
  behind: Waiter<RevisionPod> | undefined = undefined;
  readonly #sender: RevisionSender;
  readonly #entry: RevisionEntry;
  readonly #exchange: Exchange;

  constructor(sender: RevisionSender, entry: RevisionEntry, exchange: Exchange) {
    this.#sender = sender;
    this.#entry = entry;
    this.#exchange = exchange;
    this.deadlineMs = exchange.receivedAtMs + entry.timeoutMs;
    this.heldBytes = headBytes + bodyBytesOf(exchange);
    exchange.onClientGone = () => {
      entry.throttler.leave(this);
    };
  }

  granted(pod: RevisionPod): void {
    this.#exchange.onClientGone = undefined;
    this.#sender.forwardLate(this.#entry, pod, this.#exchange);
  }

  refused(reason: Refusal): void {
    this.#exchange.onClientGone = undefined;
    const { status, text } = refusals[reason];
    if (reason === "timeout") this.#sender.counters.waitTimeouts++;
    answer(this.#exchange, status, text);
  }
}

const refusals: Record<Refusal, { status: number; text: string }> = {
  timeout: { status: 504, text: "request timeout" },
  "revision-not-found": { status: 503, text: "the revision of this route is not known yet" },
  "revision-deleted": { status: 503, text: "the revision of this route was deleted" },
  shutdown: { status: 503, text: "the gateway is shutting down" },
};

function bodyBytesOf(exchange: Exchange): number {
  const length = exchange.header("content-length");
  if (length !== undefined) return Math.min(Number(length), bodyBytesHeldMax);
  return exchange.header("transfer-encoding") === undefined ? 0 : bodyBytesHeldMax;
}
