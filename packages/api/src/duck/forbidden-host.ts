// Addresses that belong to the machine or its cloud rather than to anybody who waits for events. Whoever may create a Trigger
// must not be able to make Kelvin send there, for metadata servers hand out the credentials of the node.

const forbiddenNames = new Set(["metadata", "metadata.google.internal", "instance-data", "instance-data.ec2.internal"]);

const forbiddenBlocks: readonly { readonly base: string; readonly bits: number; readonly reason: string }[] = [
  { base: "169.254.0.0", bits: 16, reason: "link-local addresses, where clouds have their metadata, take no events" },
  { base: "100.100.100.200", bits: 32, reason: "a cloud's metadata address takes no events" },
  { base: "168.63.129.16", bits: 32, reason: "a cloud's metadata address takes no events" },
  { base: "192.0.0.192", bits: 32, reason: "a cloud's metadata address takes no events" },
  { base: "0.0.0.0", bits: 8, reason: "the unspecified address is nobody's" },
  { base: "224.0.0.0", bits: 3, reason: "multicast and reserved addresses take no events" },
];

/**
 * Why nothing may be sent to a host, or undefined when it may. `host` is a URL's hostname (brackets or not), or an address that
 * a name resolved to: ask again with each of those. Loopback and private addresses are allowed; whether they are Kelvin's own
 * is for the caller to know.
 */
export function forbiddenHostReason(host: string): string | undefined {
  const name = host.toLowerCase().replace(/\.$/, "");
  if (forbiddenNames.has(name)) return "a cloud's metadata address takes no events";
  const v4 = parseV4(name);
  if (v4 !== undefined) return reasonOfV4(v4);
  const groups = parseV6(name.replace(/^\[|\]$/g, "").replace(/%.*$/, ""));
  return groups === undefined ? undefined : reasonOfV6(groups);
}

function reasonOfV4(address: number): string | undefined {
  return forbiddenBlocks.find(({ base, bits }) => {
    const size = 2 ** (32 - bits);
    return Math.floor(address / size) === Math.floor((parseV4(base) ?? 0) / size);
  })?.reason;
}

function reasonOfV6(groups: readonly number[]): string | undefined {
  const [first = 0, second = 0] = groups;
  if ((first & 0xffc0) === 0xfe80) return "link-local addresses take no events";
  if (first >= 0xff00) return "multicast addresses take no events";
  if (groups.every((group) => group === 0)) return "the unspecified address is nobody's";
  // fd00:ec2::254 of one cloud, fd20:ce::254 of another.
  const isMetadata = (first === 0xfd00 && second === 0x0ec2) || (first === 0xfd20 && second === 0x00ce);
  if (isMetadata && groups[7] === 0x254) return "a cloud's metadata address takes no events";
  const inner = embeddedV4(groups);
  return inner === undefined ? undefined : reasonOfV4(inner);
}

// The IPv4 address inside a mapped (::ffff:0:0/96), translated (64:ff9b::/96) or 6to4 (2002::/16) one.
function embeddedV4(groups: readonly number[]): number | undefined {
  const join = (high = 0, low = 0): number => high * 0x1_0000 + low;
  if (groups[0] === 0x2002) return join(groups[1], groups[2]);
  const head = groups.slice(0, 6).map((group) => group.toString(16));
  const isEmbedding = ["0:0:0:0:0:ffff", "64:ff9b:0:0:0:0"].includes(head.join(":"));
  return isEmbedding ? join(groups[6], groups[7]) : undefined;
}

function parseV4(text: string): number | undefined {
  const bytes = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text)?.slice(1).map(Number);
  if (bytes === undefined || bytes.some((byte) => byte > 255)) return undefined;
  return bytes.reduce((value, byte) => value * 256 + byte, 0);
}

function parseV6(text: string): number[] | undefined {
  // The URL parser knows all spellings, and gives the one that is left.
  if (!text.includes(":") || !URL.canParse(`http://[${text}]`)) return undefined;
  const [left = "", right] = new URL(`http://[${text}]`).hostname.slice(1, -1).split("::");
  const numbers = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16));
  const [head, tail] = [numbers(left), numbers(right ?? "")];
  return [...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail];
}
