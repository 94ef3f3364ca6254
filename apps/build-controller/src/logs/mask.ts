import type { Secret } from "@kelvin/kube";

/** Replaces what must not be read. */
export type Mask = (line: string) => string;

/** Shorter values are words that would be missed everywhere. */
const lengthMin = 4;
/** A line of a longer value, such as a key, alone means something only from here on. */
const lineLengthMin = 8;
const masked = "***";

/** Masks every value of the Secrets, also in the forms in which programs print them: in lines, in base64, in URLs. */
export function makeMask(secrets: readonly Secret[]): Mask {
  const values = secrets.flatMap(valuesOf);
  const forms = new Set(values.flatMap(formsOf).filter((form) => form.length >= lengthMin));
  if (forms.size === 0) return (line) => line;
  // The longest first, so that no value is masked only in part.
  const ordered = [...forms].toSorted((a, b) => b.length - a.length);
  return (line) => ordered.reduce((text, form) => text.replaceAll(form, masked), line);
}

function valuesOf({ type, data = {} }: Secret): string[] {
  const entries = Object.entries(data).map(
    ([key, value]) => [key, Buffer.from(value, "base64").toString("utf8")] as const,
  );
  const { username, password } = Object.fromEntries(entries);
  // A user's name and the keys of hosts are no secrets, and masking them would hide half of most logs.
  const isPublic = (key: string): boolean =>
    key === "known_hosts" || (key === "username" && type === "kubernetes.io/basic-auth");
  const secretEntries = entries.filter(([key]) => !isPublic(key));
  const pair = username === undefined || password === undefined ? [] : [toBase64(`${username}:${password}`)];
  return [...secretEntries.flatMap(([, value]) => [value, ...authsIn(value)]), ...pair];
}

/** The passwords inside a docker configuration. */
function authsIn(value: string): string[] {
  if (!value.trimStart().startsWith("{")) return [];
  return [...value.matchAll(/"(?:auth|password|identitytoken)"\s*:\s*"((?:[^"\\]|\\.)*)"/g)].flatMap(
    ([, found = ""]) => {
      const decoded = Buffer.from(found, "base64").toString("utf8");
      const password = decoded.includes(":") ? [decoded.slice(decoded.indexOf(":") + 1)] : [];
      return [found, ...password];
    },
  );
}

function formsOf(value: string): string[] {
  const trimmed = value.trim();
  const lines = trimmed.split("\n").map((line) => line.trim());
  const own =
    lines.length === 1 ? [trimmed] : lines.filter((line) => line.length >= lineLengthMin && !line.startsWith("-----"));
  return [...own, toBase64(value), toBase64(trimmed), ...own.map((text) => encodeURIComponent(text))];
}

function toBase64(value: string): string {
  return Buffer.from(value).toString("base64");
}
