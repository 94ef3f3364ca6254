import { equalsIgnoreCase } from "./bytes.ts";

/** What `prepareHeaderEdits` is given. Names are matched whatever their case. */
export interface HeaderEditRules {
  /** Fields that are dropped. */
  readonly strip?: readonly string[];
  /** Fields whose name begins so are dropped: `knative-serving-`, `k-`. */
  readonly stripPrefixes?: readonly string[];
  /** Fields that are set; whatever the client sent under these names is dropped. */
  readonly set?: Readonly<Record<string, string>>;
  /** What the client says of proxies before us (`X-Forwarded-*`, `Forwarded`) is replaced, not believed and appended to. */
  readonly distrustForwarded?: boolean;
  /** Replaces Host. `X-Forwarded-Host` and `Forwarded` keep the client's. */
  readonly host?: string;
}

/** Edits of a request's head, prepared once (per route, not per request) so that applying them makes no strings. */
export interface HeaderEdits {
  /** The lines that are added, each with its CRLF. */
  readonly lines: Buffer;
  readonly distrustsForwarded: boolean;
  /** The value that replaces Host, or undefined. */
  readonly host: Buffer | undefined;
  /** Whether the field whose name is bytes[start, end) is dropped. */
  drops(bytes: Uint8Array, start: number, end: number): boolean;
}

/**
 * Prepares edits for `ForwardOptions.edits`.
 *
 * @throws TypeError for a name or value that could not stand in a head, or that the engine itself decides (framing, Connection, Host, Forwarded).
 */
export function prepareHeaderEdits(rules: HeaderEditRules): HeaderEdits {
  const set = Object.entries(rules.set ?? {});
  for (const [name, value] of set) assertField(name, value);
  if (rules.host !== undefined && !/^[\w.:[\]-]+$/.test(rules.host)) {
    throw new TypeError(`invalid host ${JSON.stringify(rules.host)}`);
  }
  const names = [...(rules.strip ?? []), ...set.map(([name]) => name)].map((name) => Buffer.from(name.toLowerCase()));
  const namesByLength: (Buffer[] | undefined)[] = [];
  for (const name of names) (namesByLength[name.length] ??= []).push(name);
  const prefixes = (rules.stripPrefixes ?? []).map((prefix) => Buffer.from(prefix.toLowerCase()));

  return {
    lines: Buffer.from(set.map(([name, value]) => `${name}: ${value}\r\n`).join(""), "latin1"),
    distrustsForwarded: rules.distrustForwarded === true,
    host: rules.host === undefined ? undefined : Buffer.from(rules.host, "latin1"),
    drops(bytes, start, end) {
      const sameLength = namesByLength[end - start];
      if (sameLength !== undefined) {
        for (const name of sameLength) if (equalsIgnoreCase(bytes, start, name)) return true;
      }
      for (const prefix of prefixes) {
        if (start + prefix.length <= end && equalsIgnoreCase(bytes, start, prefix)) return true;
      }
      return false;
    },
  };
}

const decidedByEngine = new Set([
  "connection",
  "content-length",
  "expect",
  "forwarded",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-proto",
]);

/** Refuses what would break the head it is written into. */
export function assertField(name: string, value: string): void {
  if (!/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(name)) throw new TypeError(`invalid header name ${JSON.stringify(name)}`);
  if (decidedByEngine.has(name.toLowerCase())) throw new TypeError(`header ${JSON.stringify(name)} cannot be set`);
  if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
    throw new TypeError(`invalid value ${JSON.stringify(value)} of header ${JSON.stringify(name)}`);
  }
}
