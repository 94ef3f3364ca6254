import { createRequire, syncBuiltinESMExports } from "node:module";
import type { LookupAddress, LookupAllOptions, LookupOptions } from "node:dns";
import { isIP } from "node:net";
import { makeTranslation } from "./translation.ts";

type Callback = (error: Error | null, address?: string | LookupAddress[], family?: number) => void;
type Lookup = (hostname: string, options: LookupOptions, callback: Callback) => void;

const TIMEOUT_MS = 1_000;

/** The address of the cluster's name server as seen by code that the translation does not reach. */
function serverOf(block: number): string {
  const { address, port } = makeTranslation(block).connect({ address: "10.96.0.10", port: 53 });
  return `${address}:${port}`;
}

/**
 * Makes `dns.lookup`, and with it everything that connects to a name, ask the cluster first. A name that the cluster does
 * not have is the machine's business: this process lives in its network.
 */
export function openPodLookup(block: number, search: readonly string[]): void {
  const dns = createRequire(import.meta.url)("node:dns") as typeof import("node:dns");
  const { lookup: native } = dns;
  const original: Lookup = (hostname, options, callback) => {
    native(hostname, options as LookupAllOptions, callback as never);
  };
  const originalPromise = dns.promises.lookup;
  let resolver: import("node:dns").promises.Resolver | undefined;

  async function find(hostname: string): Promise<string[]> {
    if (isIP(hostname) !== 0 || hostname === "localhost" || hostname === "") return [];
    if (resolver === undefined) {
      resolver = new dns.promises.Resolver({ timeout: TIMEOUT_MS, tries: 1 });
      resolver.setServers([serverOf(block)]);
    }
    const asking = resolver;
    const answers = candidatesOf(hostname, search).map((name) => asking.resolve4(name).catch((): string[] => []));
    return (await Promise.all(answers)).find((addresses) => addresses.length > 0) ?? [];
  }

  const lookup = (hostname: string, second: LookupOptions | number | Callback, third?: Callback): void => {
    const options = typeof second === "object" ? second : typeof second === "number" ? { family: second } : {};
    const callback = typeof second === "function" ? second : third;
    if (typeof hostname !== "string" || callback === undefined || options.family === 6 || options.family === "IPv6") {
      original(hostname, options, callback as Callback);
      return;
    }
    find(hostname).then(
      (addresses) => {
        const [first] = addresses;
        if (first === undefined) original(hostname, options, callback);
        else if (options.all === true) callback(null, addresses.map(asAddress));
        else callback(null, first, 4);
      },
      (error: unknown) => callback(error as Error),
    );
  };
  const lookupPromise = async (hostname: string, options: LookupOptions | number = {}): Promise<unknown> => {
    const { all, family } = typeof options === "number" ? { all: false, family: options } : options;
    const addresses = family === 6 || family === "IPv6" ? [] : await find(hostname);
    if (addresses[0] === undefined) return originalPromise(hostname, options as LookupOptions);
    return all === true ? addresses.map(asAddress) : { address: addresses[0], family: 4 };
  };
  Object.assign(dns, { lookup });
  Object.assign(dns.promises, { lookup: lookupPromise });
  syncBuiltinESMExports();
}

const asAddress = (address: string): LookupAddress => ({ address, family: 4 });

/** As a resolver with `ndots:5` tries them; a last dot means that the name is complete. */
export function candidatesOf(hostname: string, search: readonly string[]): string[] {
  if (hostname.endsWith(".")) return [hostname.slice(0, -1)];
  return [...search.map((domain) => `${hostname}.${domain}`), hostname];
}
