import type { Ingress } from "@kelvin/api/networking/v1alpha1";
import type { RoutingTableReport } from "@kelvin/api/scaling";
import type { Log } from "../log.ts";
import { compileIngress } from "./compile-ingress.ts";
import type { RoutingTable } from "./routing-table.ts";

/** Brings Ingresses into the table and tells who asks which generations are served. */
export interface TableFeed {
  /** Collects; everything that came in one turn of the event loop is applied in one go at its end. */
  put(ingress: Ingress): void;
  remove(key: string): void;
  /** A Revision has appeared: Ingresses that waited for it may now count as served. */
  onRevisionKnown(key: string): void;
  /** Applies what was collected now. */
  flush(): void;
  report(): RoutingTableReport;
  /** Resolves when the version is above `version`, or after `waitMs`, or at close. */
  waitBeyond(version: number, waitMs: number): Promise<void>;
  close(): void;
}

export interface TableFeedDeps {
  readonly table: RoutingTable;
  readonly bootId: string;
  readonly log: Log;
  isRevisionKnown(key: string): boolean;
}

const listenersMax = 1_000;

export function openTableFeed({ table, bootId, log, isRevisionKnown }: TableFeedDeps): TableFeed {
  const changed = new Map<string, Ingress | undefined>();
  /** Generations of Ingresses that are in the table and whose revisions are all known. */
  const served: Record<string, number> = {};
  /** Ingresses in the table that name a revision we have not seen, by that revision's key. */
  const waitingFor = new Map<string, Set<string>>();
  const listeners = new Set<() => void>();
  let version = 0;
  let isScheduled = false;

  function schedule(): void {
    if (isScheduled) return;
    isScheduled = true;
    setImmediate(flush);
  }

  function flush(): void {
    isScheduled = false;
    if (changed.size === 0) return;
    for (const [key, ingress] of changed) apply(key, ingress);
    changed.clear();
    version++;
    for (const listener of listeners) listener();
  }

  function apply(key: string, ingress: Ingress | undefined): void {
    if (ingress === undefined) {
      table.delete(key);
      delete served[key];
      return;
    }
    try {
      table.set(compileIngress(ingress));
      acknowledge(key);
    } catch (error) {
      // The last good routes stay, and the generation is not acknowledged, so the Ingress never becomes Ready with this spec.
      log.error({ kind: "Ingress", name: key, error: String(error) }, "Refused an Ingress that cannot be served");
    }
  }

  function acknowledge(key: string): void {
    const routes = table.get(key);
    if (routes === undefined) return;
    const missing = routes.revisions.find((revision) => !isRevisionKnown(revision));
    if (missing === undefined) {
      served[key] = routes.generation;
      return;
    }
    const waiting = waitingFor.get(missing);
    if (waiting === undefined) waitingFor.set(missing, new Set([key]));
    else waiting.add(key);
  }

  return {
    put(ingress) {
      changed.set(`${ingress.metadata.namespace ?? ""}/${ingress.metadata.name ?? ""}`, ingress);
      schedule();
    },
    remove(key) {
      changed.set(key, undefined);
      schedule();
    },
    onRevisionKnown(key) {
      const waiting = waitingFor.get(key);
      if (waiting === undefined) return;
      waitingFor.delete(key);
      for (const ingress of waiting) acknowledge(ingress);
      version++;
      for (const listener of listeners) listener();
    },
    flush,
    report: () => ({ bootId, version, ingresses: { ...served } }),
    waitBeyond(since, waitMs) {
      if (version > since || listeners.size >= listenersMax) return Promise.resolve();
      return new Promise((resolve) => {
        const finish = (): void => {
          clearTimeout(timer);
          listeners.delete(finish);
          resolve();
        };
        const timer = setTimeout(finish, waitMs);
        listeners.add(finish);
      });
    },
    close() {
      for (const listener of listeners) listener();
    },
  };
}
