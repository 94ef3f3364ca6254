import type { Image } from "./image-source.ts";

type ImageConfig = Pick<Image, "entrypoint" | "cmd" | "env" | "workingDir" | "user">;

/**
 * How an image is to be run, from the configuration that came with it: an object with `config`, as the OCI image
 * specification has it. @throws TypeError naming the field that is of another type.
 */
export function readImageConfig(document: unknown): ImageConfig {
  const config = recordOf(recordOf(document, "the configuration")["config"] ?? {}, "config");
  return {
    entrypoint: wordsOf(config, "Entrypoint"),
    cmd: wordsOf(config, "Cmd"),
    env: Object.fromEntries(wordsOf(config, "Env").map(splitVariable)),
    workingDir: textOf(config, "WorkingDir"),
    user: textOf(config, "User"),
  };
}

function splitVariable(text: string): [name: string, value: string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + 1)];
}

function recordOf(value: unknown, name: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new TypeError(`${name} of the image is not an object`);
}

function wordsOf(config: Record<string, unknown>, name: string): string[] {
  const value = config[name] ?? [];
  if (Array.isArray(value) && value.every((word) => typeof word === "string")) return value;
  throw new TypeError(`config.${name} of the image is not a list of strings`);
}

function textOf(config: Record<string, unknown>, name: string): string {
  const value = config[name] ?? "";
  if (typeof value === "string") return value;
  throw new TypeError(`config.${name} of the image is not a string`);
}
