/** Hands out addresses of a range in turn, so that a released one comes back only after all others. */
export interface AddressPool {
  /** @throws Error when every address is taken. */
  take(): string;
  release(address: string): void;
}

/** `first` and `last` are dotted IPv4 addresses, both included. */
export function openAddressPool(first: string, last: string): AddressPool {
  const low = toNumber(first);
  const size = toNumber(last) - low + 1;
  const taken = new Set<number>();
  let next = 0;
  return {
    take() {
      if (taken.size >= size) throw new Error(`all ${size} Pod addresses from ${first} to ${last} are in use`);
      while (taken.has(next)) next = (next + 1) % size;
      const offset = next;
      taken.add(offset);
      next = (next + 1) % size;
      return toAddress(low + offset);
    },
    release(address) {
      taken.delete(toNumber(address) - low);
    },
  };
}

function toNumber(address: string): number {
  return address.split(".").reduce((value, part) => value * 256 + Number(part), 0);
}

function toAddress(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join(".");
}
