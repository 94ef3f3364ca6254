import type { Endpoint } from "./endpoints.ts";

/** From a random place on, so that connections spread over all. */
export function inRandomOrder(endpoints: readonly Endpoint[]): Endpoint[] {
  const first = Math.floor(Math.random() * endpoints.length);
  return [...endpoints.slice(first), ...endpoints.slice(0, first)];
}

/**
 * The same order for the same client for as long as the endpoints are the same; when one goes, only its own clients move.
 * So nothing need be remembered (rendezvous hashing), and `sessionAffinityConfig` with its timeout has no effect.
 */
export function inOrderFor(clientAddress: string, endpoints: readonly Endpoint[]): Endpoint[] {
  const weighed = endpoints.map((endpoint) => ({
    endpoint,
    weight: hash(`${clientAddress} ${endpoint.address}:${endpoint.port}`),
  }));
  return weighed.toSorted((left, right) => left.weight - right.weight).map(({ endpoint }) => endpoint);
}

/** FNV-1a, and a mix at the end: addresses differ in their last letters only. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const letter of text) value = Math.imul(value ^ letter.charCodeAt(0), 0x01000193);
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  return (value ^ (value >>> 13)) >>> 0;
}
