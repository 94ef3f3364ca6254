// Where the kernel gives us no network of our own, the cluster's addresses are acted out on the machine's loopback
// addresses: Pods 10.44.a.b are 127.N.a.b, Services 10.96.a.b are 127.(N+1).a.b. This file is loaded into every Pod.

/** An address and a port, in the words of the cluster or in those of the kernel. */
export interface Place {
  readonly address: string;
  readonly port: number;
}

export interface Translation {
  /** What the kernel is to bind. */
  readonly bind: (place: Place) => Place;
  /** What the kernel is to connect to. */
  readonly connect: (place: Place) => Place;
  /** What a program is told of a socket's address. */
  readonly show: (place: Place) => Place;
}

/**
 * `block` is N. A process of a Pod has its address in `podIp`: what it binds without naming an address, or on its loopback
 * address, is bound on the Pod's, and there it looks for it. Without `podIp` only the cluster's addresses are translated.
 */
export function makeTranslation(block: number, podIp?: string): Translation {
  const connect = (place: Place): Place => {
    const address = podIp !== undefined && isOwn(place.address, block) ? podIp : place.address;
    const real = swapNetwork(address, [
      ["10.44.", `127.${block}.`],
      ["10.96.", `127.${block + 1}.`],
    ]);
    return real === undefined ? place : { address: real, port: movePort(place.port) };
  };
  return {
    bind: connect,
    connect,
    show(place) {
      const address = swapNetwork(place.address, [
        [`127.${block}.`, "10.44."],
        [`127.${block + 1}.`, "10.96."],
      ]);
      return address === undefined ? place : { address, port: movePort(place.port) };
    },
  };
}

/**
 * Ports move out of the way of the machine's own: whoever listens there on all addresses has the port on ours too, and
 * ordinary users may not bind those below 1024. 0 means any, before and after.
 */
function movePort(port: number): number {
  return port === 0 || port === 0x8000 ? port : port ^ 0x8000;
}

/** The addresses by which a Pod means itself. */
function isOwn(address: string, block: number): boolean {
  if (["0.0.0.0", "::", "::1", "::ffff:0.0.0.0", "::ffff:127.0.0.1"].includes(address)) return true;
  const isBlock = address.startsWith(`127.${block}.`) || address.startsWith(`127.${block + 1}.`);
  return address.startsWith("127.") && !isBlock;
}

function swapNetwork(address: string, networks: readonly (readonly [string, string])[]): string | undefined {
  const plain = address.startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  const found = networks.find(([from]) => plain.startsWith(from));
  return found === undefined ? undefined : `${found[1]}${plain.slice(found[0].length)}`;
}
