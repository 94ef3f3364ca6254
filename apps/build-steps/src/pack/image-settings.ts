import type { Flags } from "../flags.ts";
import { UsageError } from "../step-failure.ts";

/** How a container of the image is to run. What is absent is the base image's. */
export interface ImageSettings {
  readonly entrypoint: readonly string[] | undefined;
  readonly cmd: readonly string[] | undefined;
  readonly env: readonly string[];
  readonly user: string | undefined;
  readonly workingDir: string | undefined;
  readonly ports: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/** The flags that say so. */
export const settingFlags = {
  entrypoint: "once",
  cmd: "once",
  env: "many",
  user: "once",
  "working-dir": "once",
  port: "many",
  label: "many",
} as const;

type SettingFlags = Flags<typeof settingFlags>;

/** Parses the flags. An empty value, as a template's empty parameter gives, means absent. @throws UsageError naming the flag. */
export function parseSettings(flags: SettingFlags): ImageSettings {
  const given = <T extends string>(values: readonly T[]): readonly T[] => values.filter((value) => value !== "");
  return {
    entrypoint: parseWords(flags.entrypoint, "entrypoint"),
    cmd: parseWords(flags.cmd, "cmd"),
    env: given(flags.env).map((text) => `${splitPair(text, "env")[0]}=${splitPair(text, "env")[1]}`),
    user: parseUser(flags.user),
    workingDir: parseWorkingDir(flags["working-dir"]),
    ports: given(flags.port).map(parsePort),
    labels: Object.fromEntries(given(flags.label).map((text) => splitPair(text, "label"))),
  };
}

/** A JSON list of words: no shell is there to split a text. */
function parseWords(text: string | undefined, name: string): readonly string[] | undefined {
  if (text === undefined || text === "") return undefined;
  const words = parseJson(text);
  if (Array.isArray(words) && words.every((word) => typeof word === "string")) return words;
  throw new UsageError(
    `--${name} takes a JSON list of texts such as ["node","server.js"], got ${JSON.stringify(text)}`,
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // Told as a wrong list by the caller.
    return undefined;
  }
}

/** `NAME=value`, parted at the first equals sign. @throws UsageError naming the flag. */
export function splitPair(text: string, flag: string): [name: string, value: string] {
  const at = text.indexOf("=");
  if (at < 1 || text.includes("\0")) {
    throw new UsageError(`--${flag} takes NAME=value, got ${JSON.stringify(text.slice(0, 100))}`);
  }
  return [text.slice(0, at), text.slice(at + 1)];
}

function parseUser(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (/^[\w.-]+(:[\w.-]+)?$/.test(text)) return text;
  throw new UsageError(`--user takes user or user:group, got ${JSON.stringify(text)}`);
}

function parseWorkingDir(text: string | undefined): string | undefined {
  if (text === undefined || text === "") return undefined;
  if (text.startsWith("/")) return text;
  throw new UsageError(`--working-dir takes an absolute path, got ${JSON.stringify(text)}`);
}

function parsePort(text: string): string {
  const [, port = "", protocol = "tcp"] = /^(\d{1,5})(?:\/(tcp|udp))?$/.exec(text) ?? [];
  if (Number(port) >= 1 && Number(port) <= 65535) return `${port}/${protocol}`;
  throw new UsageError(`--port takes 1 to 65535, with /tcp or /udp if need be, got ${JSON.stringify(text)}`);
}
