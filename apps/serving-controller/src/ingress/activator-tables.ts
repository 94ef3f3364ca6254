import type { RoutingTableReport } from "@kelvin/api/scaling";
import { makeBackoff, type Clock, type EndpointSlice, type Informer } from "@kelvin/kube";
import { listActivators, type ActivatorEndpoint } from "./activator-endpoints.ts";

/** Asks one activator for its table; answers once it is newer than `sinceVersion`, or after `waitSeconds`. */
export type FetchTable = (ask: TableAsk) => Promise<RoutingTableReport>;

export interface TableAsk {
  /** `address:port` of the activator's internal listener. */
  readonly authority: string;
  readonly sinceVersion: number;
  readonly waitSeconds: number;
  readonly signal: AbortSignal;
}

/** What one activator that takes requests now says of an Ingress. */
export interface AppliedView {
  readonly activator: string;
  /** Absent: it knows nothing of the Ingress, or has not answered us yet. */
  readonly generation: number | undefined;
}

/** Knows which generation of each Ingress every ready activator serves. */
export interface ActivatorTables {
  appliedBy(ingressKey: string): readonly AppliedView[];
  /** Stops all polls and waits for them. */
  close(): Promise<void>;
}

export interface ActivatorTablesOptions {
  readonly slices: Informer<EndpointSlice>;
  readonly fetchTable: FetchTable;
  readonly clock: Clock;
  /** Called with the keys whose applied generation changed somewhere; undefined = any may have. */
  readonly onChange: (ingressKeys: readonly string[] | undefined) => void;
}

const waitSeconds = 25;
const retryDelayMs = { first: 50, max: 2000 };
// Joins the changes of a burst into one answer; a thousand Ingresses then cost a few tables, not a thousand.
const pauseMs = 5;

/** Long-polls each ready activator for as long as it is one. */
export function openActivatorTables(options: ActivatorTablesOptions): ActivatorTables {
  const polls = new Map<string, Poll>();

  function followEndpoints(): void {
    const ready = new Map(listActivators(options.slices.list()).map((endpoint) => [endpoint.authority, endpoint]));
    let isChanged = false;
    for (const [authority, poll] of polls) {
      if (ready.has(authority)) continue;
      poll.stop.abort();
      polls.delete(authority);
      isChanged = true;
    }
    for (const [authority, endpoint] of ready) {
      if (polls.has(authority)) continue;
      polls.set(authority, startPoll(endpoint, options));
      isChanged = true;
    }
    if (isChanged) options.onChange(undefined);
  }

  const unsubscribe = options.slices.onChange(followEndpoints);
  followEndpoints();
  return {
    appliedBy: (ingressKey) =>
      [...polls.values()].map(({ endpoint, state }) => ({
        activator: endpoint.name,
        generation: state.table?.ingresses[ingressKey],
      })),
    async close() {
      unsubscribe();
      const ended = [...polls.values()].map(async (poll) => {
        poll.stop.abort();
        await poll.ended;
      });
      await Promise.all(ended);
    },
  };
}

interface Poll {
  readonly endpoint: ActivatorEndpoint;
  readonly state: { table?: RoutingTableReport };
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

function startPoll(endpoint: ActivatorEndpoint, options: ActivatorTablesOptions): Poll {
  const stop = new AbortController();
  const state: Poll["state"] = {};
  return { endpoint, state, stop, ended: pollTable({ endpoint, state, signal: stop.signal }, options) };
}

interface PollRun {
  readonly endpoint: ActivatorEndpoint;
  readonly state: { table?: RoutingTableReport };
  readonly signal: AbortSignal;
}

async function pollTable({ endpoint, state, signal }: PollRun, options: ActivatorTablesOptions): Promise<void> {
  const backoff = makeBackoff(retryDelayMs.first, retryDelayMs.max);
  while (!signal.aborted) {
    const sinceVersion = state.table?.version ?? 0;
    try {
      const table = await options.fetchTable({ authority: endpoint.authority, sinceVersion, waitSeconds, signal });
      backoff.reset();
      const changed = changedKeys(state.table, table);
      state.table = table;
      if (changed.length > 0) options.onChange(changed);
      await options.clock.sleep(pauseMs, signal);
    } catch {
      // An activator that does not answer keeps what it last said; whether that holds an Ingress up is the reconciler's
      // business. A new process counts versions from the start again, so ask for all.
      if (state.table !== undefined) state.table = { ...state.table, version: 0 };
      await options.clock.sleep(backoff.nextMs(), signal);
    }
  }
}

function changedKeys(before: RoutingTableReport | undefined, after: RoutingTableReport): string[] {
  const old = before?.ingresses ?? {};
  return Object.keys(after.ingresses).filter((key) => old[key] !== after.ingresses[key]);
}
