// No vowels and nothing that looks like another: no words, no mistakes when read aloud.
const alphabet = "bcdfghjklmnpqrstvwxz2456789";
const suffixLength = 5;
const nameLengthMax = 63;

/** A name as the API server would generate it: the prefix, cut to fit, and five random characters. */
export function generatedName(prefix: string, random: () => number): string {
  let suffix = "";
  while (suffix.length < suffixLength) suffix += alphabet[Math.floor(random() * alphabet.length)] ?? "b";
  return prefix.slice(0, nameLengthMax - suffixLength) + suffix;
}

/** Ten (or `length`) characters of the same alphabet from a digest: stable, and safe in names and labels. */
export function safeEncode(digest: Uint8Array, length = 10): string {
  return Array.from(digest.subarray(0, length), (byte) => alphabet[byte % alphabet.length] ?? "b").join("");
}
