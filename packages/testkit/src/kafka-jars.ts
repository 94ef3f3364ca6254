import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** A file of the broker, as `kafka.lock.json` names it. */
export interface KafkaJar {
  /** Its path in a Maven repository. */
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

const lockFile = readFileSync(new URL("../kafka.lock.json", import.meta.url));
const lock = JSON.parse(lockFile.toString()) as { version: string; jars: KafkaJar[] };

/** The version of the broker that tests run against. */
export const kafkaVersion = lock.version;

/** All files of the broker. */
export const kafkaJars: readonly KafkaJar[] = lock.jars;

/** Where they are kept: outside every clone, in a folder that no other lock file uses. */
export function kafkaJarsDir(): string {
  const cache = process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache");
  const mark = createHash("sha256").update(lockFile).digest("hex").slice(0, 10);
  return join(cache, "kelvin", `kafka-${kafkaVersion}-${mark}`);
}

/** Where a file of the broker is kept. */
export function kafkaJarFile({ path }: KafkaJar): string {
  return join(kafkaJarsDir(), path.slice(path.lastIndexOf("/") + 1));
}

/** The files that are not there yet. They were verified before they got their names, so that their sizes tell. */
export function missingKafkaJars(): readonly KafkaJar[] {
  return kafkaJars.filter((jar) => statSync(kafkaJarFile(jar), { throwIfNoEntry: false })?.size !== jar.bytes);
}

const JAVA_MIN = 11;

/** Why there can be no Kafka broker here, and how to mend it; undefined when there can. */
export function findKafkaProblem(): string | undefined {
  const java = spawnSync("java", ["-version"], { encoding: "utf8" });
  if (java.error !== undefined || java.status !== 0) {
    return `no java on PATH: install Debian's package default-jre-headless, then run "node scripts/brokers.mjs fetch"`;
  }
  const major = Number(/version "(\d+)/.exec(java.stderr)?.[1] ?? JAVA_MIN);
  if (major < JAVA_MIN) return `java ${major} is too old: Kafka ${kafkaVersion} needs ${JAVA_MIN} or newer`;
  const missing = missingKafkaJars().length;
  if (missing === 0) return undefined;
  return `${missing} of ${kafkaJars.length} jars of Kafka are missing: run "node scripts/brokers.mjs fetch"`;
}
