import { connect, type Socket } from "node:net";
import type { Endpoint } from "./endpoints.ts";

const CONNECT_TIMEOUT_MS = 5_000;
const ATTEMPTS_MAX = 3;

/** Gives the endpoints a new connection may go to, now, in the order in which they are to be tried. */
export type ListEndpoints = () => readonly Endpoint[];

/**
 * Joins a client's connection to the first endpoint; tries another when one does not answer. Each direction
 * ends by itself, so a client may stop sending and still read. With nobody to talk to the client is reset, as kube-proxy does.
 */
export function forwardConnection(client: Socket, listEndpoints: ListEndpoints): void {
  client.setNoDelay(true);
  client.pause();
  // Before an upstream exists, a client that breaks off only needs to be let go.
  client.on("error", () => client.destroy());
  tryEndpoint(client, listEndpoints(), ATTEMPTS_MAX);
}

function tryEndpoint(client: Socket, candidates: readonly Endpoint[], attemptsLeft: number): void {
  const [endpoint, ...others] = candidates;
  if (endpoint === undefined || attemptsLeft === 0 || client.destroyed) {
    client.resetAndDestroy();
    return;
  }
  const upstream = connect({ host: endpoint.address, port: endpoint.port, allowHalfOpen: true, noDelay: true });
  const retry = (): void => {
    upstream.destroy();
    tryEndpoint(client, others, attemptsLeft - 1);
  };
  upstream.setTimeout(CONNECT_TIMEOUT_MS, retry);
  upstream.once("error", retry);
  upstream.once("connect", () => {
    upstream.setTimeout(0);
    upstream.off("error", retry);
    joinConnections(client, upstream);
  });
}

/** Joins two connections until both have ended. Each direction ends by itself; a break of one breaks the other. */
export function joinConnections(client: Socket, upstream: Socket): void {
  if (client.destroyed) {
    upstream.destroy();
    return;
  }
  upstream.on("error", () => client.resetAndDestroy());
  client.on("error", () => upstream.resetAndDestroy());
  upstream.on("close", () => client.destroySoon());
  client.on("close", () => upstream.destroySoon());
  client.pipe(upstream);
  upstream.pipe(client);
}
