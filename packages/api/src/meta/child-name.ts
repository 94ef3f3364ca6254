// Not imported: an ES import of node:crypto evaluates its lazy exports, Web Crypto among them (40 ms and 10 MB a process).
const { createHash } = process.getBuiltinModule("node:crypto");

const nameLengthMax = 63;
const md5HexLength = 32;
const headLength = nameLengthMax - md5HexLength;

/**
 * The name of a child made of its parent's name and a suffix, never longer than 63 characters.
 * Long names keep their head and get the MD5 of the rest, exactly as in Knative, so that existing children are found again.
 */
export function childName(parent: string, suffix: string): string {
  if (parent.length <= nameLengthMax - suffix.length) return parent + suffix;
  if (suffix.length < headLength) {
    return parent.slice(0, headLength - suffix.length) + md5Hex(parent) + suffix;
  }
  const hashed = parent.slice(0, headLength) + md5Hex(parent + suffix);
  const filled = hashed + suffix.slice(0, nameLengthMax - hashed.length);
  return filled.replace(/[^a-zA-Z0-9]+$/, "");
}

function md5Hex(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
