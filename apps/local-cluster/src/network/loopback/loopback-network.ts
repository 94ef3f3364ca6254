import { openAddressPool } from "../address-pool.ts";
import { addresses, type Network } from "../network.ts";

/** Pods on loopback addresses of the machine; see translation.ts for how they come to think otherwise. */
export function openLoopbackNetwork(): Network {
  const pool = openAddressPool(addresses.firstPod, addresses.lastPod);
  return {
    driver: "loopback",
    openPodNetwork() {
      const address = pool.take();
      const close = (): Promise<void> => Promise.resolve(pool.release(address));
      return Promise.resolve({ address, enter: [], close });
    },
    close: () => Promise.resolve(),
  };
}
