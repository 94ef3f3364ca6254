// Makes packages/testkit/kafka.lock.json anew: each jar of a Kafka broker, by its path in a Maven repository. Needs Maven
// (Debian's package maven) and is run by hand, when the version below changes. What the lock names is fetched by
// scripts/brokers.mjs, without Maven.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const version = "3.9.1";
// The broker logs through slf4j 1.7, and has no logger of its own at run time.
const roots = [
  ["org.apache.kafka", "kafka_2.13", version],
  ["ch.qos.reload4j", "reload4j", "1.2.25"],
  ["org.slf4j", "slf4j-reload4j", "1.7.36"],
];

const dir = mkdtempSync(join(tmpdir(), "kelvin-kafka-lock-"));
try {
  const dependencies = roots.map(
    ([group, artifact, wanted]) =>
      `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${wanted}</version></dependency>`,
  );
  writeFileSync(
    join(dir, "pom.xml"),
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>kelvin</groupId><artifactId>kafka-closure</artifactId><version>1</version>
<dependencies>${dependencies.join("\n")}</dependencies></project>\n`,
  );
  const copied = spawnSync(
    "mvn",
    ["-q", "-B", "dependency:copy-dependencies", "-DincludeScope=runtime", "-Dmdep.useRepositoryLayout=true"],
    { cwd: dir, stdio: ["ignore", 2, 2] },
  );
  if (copied.error !== undefined) throw copied.error;
  if (copied.status !== 0) throw new Error("Maven failed; it says why above");
  const root = join(dir, "target/dependency");
  const jars = readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => path.endsWith(".jar"))
    .sort()
    .map((path) => {
      const content = readFileSync(join(root, path));
      return { path, sha256: createHash("sha256").update(content).digest("hex"), bytes: content.length };
    });
  const lock = new URL("../packages/testkit/kafka.lock.json", import.meta.url);
  writeFileSync(lock, `${JSON.stringify({ version, jars }, undefined, 2)}\n`);
  console.log(`${jars.length} jars of Kafka ${version}`);
} finally {
  rmSync(dir, { recursive: true, force: true });
}
