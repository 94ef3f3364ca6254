import { lookup as lookupName, type LookupAddress, type LookupOptions } from "node:dns";
import { BlockList, isIPv6 } from "node:net";

/**
 * Addresses that no subscriber may have: link-local ones, where clouds keep the credentials of machines, and unspecified
 * and multicast ones, which are nobody's.
 */
const forbidden = new BlockList();
forbidden.addSubnet("169.254.0.0", 16, "ipv4");
forbidden.addSubnet("0.0.0.0", 8, "ipv4");
forbidden.addSubnet("224.0.0.0", 4, "ipv4");
forbidden.addAddress("255.255.255.255", "ipv4");
forbidden.addSubnet("fe80::", 10, "ipv6");
forbidden.addSubnet("ff00::", 8, "ipv6");
forbidden.addAddress("::", "ipv6");
forbidden.addAddress("fd00:ec2::254", "ipv6");

/** Whether events must not be posted to an address, IPv4 ones written as IPv6 among them. */
export function isForbiddenAddress(address: string): boolean {
  const plain = address.toLowerCase().startsWith("::ffff:") && address.includes(".") ? address.slice(7) : address;
  return forbidden.check(plain, isIPv6(plain) ? "ipv6" : "ipv4");
}

type LookedUp = (error: Error | null, addresses: string | LookupAddress[], family?: number) => void;

/**
 * Looks a name up, and fails when no address of it is allowed: a name may lead to a forbidden address too, and to another one than
 * a moment ago.
 */
export function lookupAllowed(hostname: string, options: LookupOptions, done: LookedUp): void {
  lookupName(hostname, { ...options, all: true }, (error, addresses) => {
    if (error !== null) return done(error, []);
    const allowed = addresses.filter(({ address }) => !isForbiddenAddress(address));
    const [first] = allowed;
    if (first === undefined) return done(new Error(`${hostname} leads to an address that is not allowed`), []);
    if (options.all === true) done(null, allowed);
    else done(null, first.address, first.family);
  });
}
