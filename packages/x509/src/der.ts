// The few forms of ASN.1's DER that a certificate is made of (X.690).

const tags = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  printableString: 0x13,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** A value with its tag and length. */
export function tagged(tag: number, ...contents: Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(content.length)]), content]);
}

const longFormFrom = 0x80;

function lengthBytes(length: number): number[] {
  if (length < longFormFrom) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest >>= 8) bytes.unshift(rest & 0xff);
  return [longFormFrom | bytes.length, ...bytes];
}

/** Values in this order. */
export function sequence(...items: Buffer[]): Buffer {
  return tagged(tags.sequence, ...items);
}

/** A set of one value. */
export function setOf(item: Buffer): Buffer {
  return tagged(tags.set, item);
}

/** A field `[number]` that holds a value with a tag of its own. */
export function explicit(number: number, value: Buffer): Buffer {
  return tagged(0xa0 | number, value);
}

/** A field `[number]` whose tag stands for that of its value. */
export function implicit(number: number, content: Buffer): Buffer {
  return tagged(0x80 | number, content);
}

/** A number of 0 or more, from its bytes; the first one may not be a superfluous 0. */
export function integer(bytes: Buffer): Buffer {
  const isNegative = (bytes[0] ?? 0) >= longFormFrom;
  return tagged(tags.integer, ...(isNegative ? [Buffer.from([0])] : []), bytes);
}

/** The boolean true; false is left out in DER where it is the preset. */
export function trueValue(): Buffer {
  return tagged(tags.boolean, Buffer.from([0xff]));
}

/** Bytes. */
export function octetString(content: Buffer): Buffer {
  return tagged(tags.octetString, content);
}

/** Bits; of the last byte so many are not meant. */
export function bitString(content: Buffer, unusedBits = 0): Buffer {
  return tagged(tags.bitString, Buffer.from([unusedBits]), content);
}

/** Letters, digits, spaces and a few signs, as in the names of certificates. */
export function printableString(text: string): Buffer {
  return tagged(tags.printableString, Buffer.from(text, "latin1"));
}

/** An object identifier such as `2.5.29.19`. */
export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return tagged(tags.oid, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f];
  for (let rest = value >> 7; rest > 0; rest >>= 7) bytes.unshift(longFormFrom | (rest & 0x7f));
  return bytes;
}

/** A time to the second, in the form that RFC 5280 asks for in its year. */
export function time(at: Date): Buffer {
  const digits = at
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(/[-:T]/g, "");
  const isShort = at.getUTCFullYear() < 2050;
  return tagged(isShort ? tags.utcTime : tags.generalizedTime, Buffer.from(isShort ? digits.slice(2) : digits));
}
