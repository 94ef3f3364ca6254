import type { Platform } from "@kelvin/oci";
import type { ImageSettings } from "./image-settings.ts";

type Fields = Readonly<Record<string, unknown>>;

/** What the new image stands on. From scratch there is nothing. */
export interface BaseConfig {
  readonly platform: Platform;
  /** The base's whole configuration as its registry has it: fields that we do not know are kept. */
  readonly fields: Fields;
  readonly diffIds: readonly string[];
  readonly history: readonly Fields[];
}

/** No image can be from before this, and none of ours is from after it: the same content is the same image. */
const created = "1970-01-01T00:00:00Z";

/** The configuration of an image of the base's layers and some more. The same input gives the same bytes. */
export function formatImageConfig(base: BaseConfig, diffIds: readonly string[], settings: ImageSettings): string {
  return JSON.stringify({
    created,
    architecture: base.platform.architecture,
    os: base.platform.os,
    ...(base.platform.variant === undefined ? {} : { variant: base.platform.variant }),
    config: mergeSettings(recordOf(base.fields["config"]), settings),
    rootfs: { type: "layers", diff_ids: [...base.diffIds, ...diffIds] },
    history: [...base.history, ...diffIds.map(() => ({ created, created_by: "kelvin pack" }))],
  });
}

/** As Docker merges: lists of names by name, and a new entrypoint without the old arguments. */
function mergeSettings(base: Fields, settings: ImageSettings): Fields {
  const { entrypoint, cmd, user, workingDir } = settings;
  const merged: Record<string, unknown> = { ...base };
  if (entrypoint !== undefined) {
    merged["Entrypoint"] = entrypoint;
    delete merged["Cmd"];
  }
  if (cmd !== undefined) merged["Cmd"] = cmd;
  if (user !== undefined) merged["User"] = user;
  if (workingDir !== undefined) merged["WorkingDir"] = workingDir;
  merged["Env"] = mergeEnv(Array.isArray(base["Env"]) ? (base["Env"] as string[]) : [], settings.env);
  const ports = Object.fromEntries(settings.ports.map((port) => [port, {}]));
  setIfAny(merged, "ExposedPorts", { ...recordOf(base["ExposedPorts"]), ...ports });
  setIfAny(merged, "Labels", { ...recordOf(base["Labels"]), ...settings.labels });
  return merged;
}

function mergeEnv(base: readonly string[], added: readonly string[]): string[] {
  const byName = new Map([...base, ...added].map((entry) => [entry.split("=", 1)[0], entry]));
  return [...byName.values()];
}

function setIfAny(target: Record<string, unknown>, name: string, value: Fields): void {
  if (Object.keys(value).length > 0) target[name] = value;
}

function recordOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
