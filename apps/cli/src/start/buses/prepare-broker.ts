import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { StartError } from "../../usage-error.ts";
import { repositoryRoot } from "../repository.ts";
import { toolEnvironment } from "./own-server.ts";

/** A broker that can be run. */
export interface PreparedBroker {
  readonly command: readonly string[];
  /** Where programs outside of the cluster reach it, if it is not where it was told to be. */
  readonly directAddress?: string;
}

/**
 * Asks `scripts/brokers.mjs`, which runs the brokers of the tests, how one is run: no service is made of what it knows.
 * @throws StartError with its words, which say what is missing, and `remedy`.
 */
export function prepareBroker(name: "kafka" | "gcppubsub", place: readonly string[], remedy: string): PreparedBroker {
  const script = join(repositoryRoot, "scripts", "brokers.mjs");
  const words = [script, "prepare", name, ...place];
  const result = spawnSync(process.execPath, words, { encoding: "utf8", env: toolEnvironment() });
  if (result.status === 0) return JSON.parse(result.stdout) as PreparedBroker;
  throw new StartError(`--bus ${name}: ${result.stderr.trim()}\n${remedy}`);
}
