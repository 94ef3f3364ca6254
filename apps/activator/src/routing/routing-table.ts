import type { HostRoute, IngressRoutes, Visibility } from "./route.ts";

/** One host as one Ingress claims it. Several may; the senior one is served. */
interface Claim {
  readonly route: HostRoute;
  readonly by: IngressRoutes;
}

/**
 * Which route serves a host, on which listener. `apply` swaps whole Ingresses between two requests, in one go: what a
 * request has matched is immutable, so no request sees half an update, and the cost is that of the change alone.
 */
export class RoutingTable {
  readonly #ingresses = new Map<string, IngressRoutes>();
  readonly #claims: Record<Visibility, Map<string, Claim[]>> = { ExternalIP: new Map(), ClusterLocal: new Map() };
  readonly #served: Record<Visibility, Map<string, HostRoute>> = { ExternalIP: new Map(), ClusterLocal: new Map() };

  get hostCount(): number {
    return this.#served.ExternalIP.size + this.#served.ClusterLocal.size;
  }

  findPublic(host: string): HostRoute | undefined {
    return this.#served.ExternalIP.get(host);
  }

  findLocal(host: string): HostRoute | undefined {
    return this.#served.ClusterLocal.get(host) ?? this.#served.ExternalIP.get(host);
  }

  /** The cluster-local route behind a placeholder Service: one whose Ingress lives in the Service's own namespace. */
  findPlaceholder(namespace: string, name: string): HostRoute | undefined {
    const host = `${name}.${namespace}.svc.cluster.local`;
    const route = this.#served.ClusterLocal.get(host);
    const claim = this.#claims.ClusterLocal.get(host)?.[0];
    return claim?.by.namespace === namespace ? route : undefined;
  }

  get(key: string): IngressRoutes | undefined {
    return this.#ingresses.get(key);
  }

  all(): IterableIterator<IngressRoutes> {
    return this.#ingresses.values();
  }

  set(routes: IngressRoutes): void {
    const before = this.#ingresses.get(routes.key);
    if (before !== undefined) this.#unclaim(before);
    this.#ingresses.set(routes.key, routes);
    for (const route of routes.hosts) {
      const claims = this.#claims[route.visibility];
      const rivals = claims.get(route.host);
      if (rivals === undefined) claims.set(route.host, [{ route, by: routes }]);
      else {
        rivals.push({ route, by: routes });
        rivals.sort((a, b) => (a.by.seniority < b.by.seniority ? -1 : 1));
      }
      this.#serve(route);
    }
  }

  delete(key: string): void {
    const before = this.#ingresses.get(key);
    if (before === undefined) return;
    this.#ingresses.delete(key);
    this.#unclaim(before);
  }

  #unclaim(routes: IngressRoutes): void {
    for (const route of routes.hosts) {
      const claims = this.#claims[route.visibility];
      const others = (claims.get(route.host) ?? []).filter((claim) => claim.by !== routes);
      if (others.length === 0) claims.delete(route.host);
      else claims.set(route.host, others);
      this.#serve(route);
    }
  }

  #serve({ host, visibility }: HostRoute): void {
    const winner = this.#claims[visibility].get(host)?.[0];
    if (winner === undefined) this.#served[visibility].delete(host);
    else this.#served[visibility].set(host, winner.route);
  }
}
