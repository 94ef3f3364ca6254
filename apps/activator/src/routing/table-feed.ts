import type { Ingress } from "@kelvin/api/networking/v1alpha1";
import type { RoutingTableReport } from "@kelvin/api/scaling";
import type { Log } from "../log.ts";
import { compileIngress } from "./compile-ingress.ts";
import type { RoutingTable } from "./routing-table.ts";

export interface TableFeedDeps {
  readonly table: RoutingTable;
  readonly bootId: string;
  readonly log: Log;
  readonly isRevisionKnown: (key: string) => boolean;
}

/** Long polls under way; more are answered at once. */
const listenersMax = 1_000;

/** Brings Ingresses into the table and tells who asks which generations are served. */
export class TableFeed {
  readonly #deps: TableFeedDeps;
  /** Everything that came in one turn of the event loop is applied in one go at its end. */
  readonly #changed = new Map<string, Ingress | undefined>();
  /** Generations of Ingresses that are in the table and whose revisions are all known. */
  readonly #served = new Map<string, number>();
  /** Ingresses in the table that name a revision we have not seen, by that revision's key. */
  readonly #waitingFor = new Map<string, Set<string>>();
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #isScheduled = false;

  constructor(deps: TableFeedDeps) {
    this.#deps = deps;
  }

  put(ingress: Ingress): void {
    this.#collect(`${ingress.metadata.namespace ?? ""}/${ingress.metadata.name ?? ""}`, ingress);
  }

  remove(key: string): void {
    this.#collect(key, undefined);
  }

  /** A Revision has appeared: Ingresses that waited for it may now count as served. */
  onRevisionKnown(key: string): void {
    const waiting = this.#waitingFor.get(key);
    if (waiting === undefined) return;
    this.#waitingFor.delete(key);
    for (const ingress of waiting) this.#acknowledge(ingress);
    this.#publish();
  }

  /** Applies what was collected now. */
  flush(): void {
    this.#isScheduled = false;
    if (this.#changed.size === 0) return;
    for (const [key, ingress] of this.#changed) this.#apply(key, ingress);
    this.#changed.clear();
    this.#publish();
  }

  report(): RoutingTableReport {
    return { bootId: this.#deps.bootId, version: this.#version, ingresses: Object.fromEntries(this.#served) };
  }

  /** Resolves when the version is above `version`, or after `waitMs`, or at close. */
  waitBeyond(version: number, waitMs: number): Promise<void> {
    if (this.#version > version || this.#listeners.size >= listenersMax) return Promise.resolve();
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#listeners.delete(finish);
        resolve();
      };
      const timer = setTimeout(finish, waitMs);
      this.#listeners.add(finish);
    });
  }

  close(): void {
    for (const listener of this.#listeners) listener();
  }

  #collect(key: string, ingress: Ingress | undefined): void {
    this.#changed.set(key, ingress);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.flush();
    });
  }

  #publish(): void {
    this.#version++;
    for (const listener of this.#listeners) listener();
  }

  #apply(key: string, ingress: Ingress | undefined): void {
    const { table, log } = this.#deps;
    if (ingress === undefined) {
      table.delete(key);
      this.#served.delete(key);
      return;
    }
    try {
      table.set(compileIngress(ingress));
    } catch (error) {
      // The last good routes stay, and the generation is not acknowledged: the Ingress never becomes Ready with this spec.
      log.error({ kind: "Ingress", name: key, error: String(error) }, "Refused an Ingress that cannot be served");
      return;
    }
    this.#acknowledge(key);
  }

  #acknowledge(key: string): void {
    const routes = this.#deps.table.get(key);
    if (routes === undefined) return;
    const missing = routes.revisions.find((revision) => !this.#deps.isRevisionKnown(revision));
    if (missing === undefined) {
      this.#served.set(key, routes.generation);
      return;
    }
    const waiting = this.#waitingFor.get(missing);
    if (waiting === undefined) this.#waitingFor.set(missing, new Set([key]));
    else waiting.add(key);
  }
}
