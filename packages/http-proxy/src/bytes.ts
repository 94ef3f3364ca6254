// The byte classes of RFC 9110 and 9112, as tables, and comparisons that do not make strings.

/** Bytes that have a meaning in heads and chunks, by their names. */
export const HTAB = 9;
export const LF = 10;
export const CR = 13;
export const SP = 32;
export const COMMA = 44;
export const SLASH = 47;
export const COLON = 58;
export const SEMICOLON = 59;

/** 1 for bytes that may stand in a token: header names, methods. */
export const isTokenByte = new Uint8Array(256);
/** 1 for bytes that may stand in a field value or a reason phrase: no control bytes but HTAB. */
export const isValueByte = new Uint8Array(256);
/** 1 for bytes that may stand in a request target. Bytes ≥ 0x80 are let through, as most servers do; `#` and controls are not. */
export const isTargetByte = new Uint8Array(256);
/** 1 for bytes that may stand in a host name. */
export const isHostByte = new Uint8Array(256);

for (let byte = 0; byte < 256; byte++) {
  const char = String.fromCharCode(byte);
  isTokenByte[byte] = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(char) ? 1 : 0;
  isValueByte[byte] = byte === HTAB || (byte >= SP && byte !== 127) ? 1 : 0;
  isTargetByte[byte] = byte > SP && byte !== 127 && char !== "#" ? 1 : 0;
  isHostByte[byte] = /[0-9A-Za-z._-]/.test(char) ? 1 : 0;
}

/** Whether the bytes from `start` on are `lower`, which is in lower case, whatever their case. */
export function equalsIgnoreCase(bytes: Uint8Array, start: number, lower: Uint8Array): boolean {
  for (let i = 0; i < lower.length; i++) {
    const byte = bytes[start + i] as number;
    if ((byte >= 65 && byte <= 90 ? byte | 32 : byte) !== lower[i]) return false;
  }
  return true;
}

/** Whether the bytes from `start` on are exactly `expected`. */
export function startsWith(bytes: Uint8Array, start: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
}
