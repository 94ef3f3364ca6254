// Real brokers without Docker. `node scripts/brokers.mjs fetch` downloads what packages/testkit/kafka.lock.json names into
// a cache outside the clone. `node scripts/brokers.mjs start kafka [--port N]` or `start nats` runs a broker in the
// foreground, on 127.0.0.1, with data that goes with it. `prepare` is for who runs them by themselves: it writes the settings
// of a Kafka that keeps its data in a directory, and prints the command as JSON; that of the Pub/Sub emulator, too.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const testkit = new URL("../packages/testkit/src/", import.meta.url);
const repository = process.env.KELVIN_MAVEN_URL ?? "https://repo1.maven.org/maven2";
const usage =
  "usage: node scripts/brokers.mjs fetch | start kafka [--port N] | start nats\n" +
  "     | prepare kafka --dir DIR --port N --advertise HOST:PORT --log FILE | prepare gcppubsub --port N";
const TRIES_MAX = 5;
const DOWNLOADS_MAX = 6;
const DOWNLOAD_MS_MAX = 120_000;

if (process.features.typescript === undefined || process.features.typescript === false) {
  // The system's Node does not read TypeScript; the one that comes with the repository does.
  const node = fileURLToPath(new URL("../node_modules/.bin/node", import.meta.url));
  const child = spawn(node, process.argv.slice(1), { stdio: "inherit" });
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  const status = await new Promise((resolve) => {
    child.once("error", () => {
      console.error(`no ${node}: run "npm ci" first`);
      resolve(1);
    });
    child.once("close", (code) => resolve(code ?? 1));
  });
  process.exit(status);
}

const [command, broker, option, value] = process.argv.slice(2);
if (command === "fetch" && broker === undefined) await fetchKafka();
else if (command === "start" && broker === "kafka") await startKafka(readPort(9092));
else if (command === "start" && broker === "nats") await startNats();
else if (command === "prepare" && broker === "kafka") await printKafkaCommand();
else if (command === "prepare" && broker === "gcppubsub") await printEmulatorCommand();
else fail();

function fail() {
  console.error(usage);
  process.exit(2);
}

function readPort(otherwise) {
  if (option === undefined) return otherwise;
  const port = Number(value);
  if (option !== "--port" || !Number.isInteger(port) || port < 1 || port > 65_535) fail();
  return port;
}

async function fetchKafka() {
  const { kafkaJarsDir, kafkaVersion, missingKafkaJars } = await import(new URL("kafka-jars.ts", testkit).href);
  const missing = [...missingKafkaJars()];
  mkdirSync(kafkaJarsDir(), { recursive: true });
  const worker = async () => {
    for (let jar = missing.pop(); jar !== undefined; jar = missing.pop()) await fetchJar(jar);
  };
  await Promise.all(Array.from({ length: DOWNLOADS_MAX }, worker));
  console.log(`Kafka ${kafkaVersion} is in ${kafkaJarsDir()}`);
}

async function fetchJar(jar) {
  const { kafkaJarFile } = await import(new URL("kafka-jars.ts", testkit).href);
  for (let tries = 1; ; tries += 1) {
    try {
      const content = await download(`${repository}/${jar.path}`);
      const sha256 = createHash("sha256").update(content).digest("hex");
      if (sha256 !== jar.sha256) throw new Error(`${jar.path}: sha256 is ${sha256}, the lock says ${jar.sha256}`);
      // Whoever sees the name sees the whole file, even if two fetch at once.
      const file = kafkaJarFile(jar);
      writeFileSync(`${file}.${process.pid}`, content);
      renameSync(`${file}.${process.pid}`, file);
      return;
    } catch (error) {
      const why = `${jar.path}: ${error.message}${error.cause === undefined ? "" : ` (${error.cause.message})`}`;
      if (tries === TRIES_MAX) {
        console.error(`${why}; given up. KELVIN_MAVEN_URL may name another Maven repository`);
        process.exit(1);
      }
      console.error(`${why}; trying again`);
      await sleep(1_000 * tries);
    }
  }
}

async function download(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_MS_MAX) });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

async function startKafka(port) {
  const { findKafkaProblem } = await import(new URL("kafka-jars.ts", testkit).href);
  refuse(findKafkaProblem());
  const { openKafkaServer } = await import(new URL("kafka-server.ts", testkit).href);
  const server = await openKafkaServer({ port });
  await untilStopped(server, `Kafka is ready: KAFKA_BOOTSTRAP_SERVERS=${server.address}`);
}

async function printKafkaCommand() {
  const { findKafkaProblem } = await import(new URL("kafka-jars.ts", testkit).href);
  refuse(findKafkaProblem());
  const { prepareKafka } = await import(new URL("kafka-config.ts", testkit).href);
  const { findLastingPort } = await import(new URL("lasting-port.ts", testkit).href);
  const [internal, guarded, controller] = [await findLastingPort(), await findLastingPort(), await findLastingPort()];
  const { dir, port, advertise, log } = readPlace();
  const ports = { client: Number(port), internal, guarded, controller };
  const args = prepareKafka(dir, { ports, advertised: advertise, logFile: log });
  console.log(JSON.stringify({ command: ["java", ...args], directAddress: `127.0.0.1:${internal}` }));
}

async function printEmulatorCommand() {
  const { findPubsubProblem, pubsubEmulatorArgs } = await import(new URL("pubsub-emulator.ts", testkit).href);
  refuse(findPubsubProblem());
  console.log(JSON.stringify({ command: ["java", ...pubsubEmulatorArgs(readPort(8085))] }));
}

function readPlace() {
  const text = { type: "string" };
  const options = { dir: text, port: text, advertise: text, log: text };
  const { values } = parseArgs({ args: process.argv.slice(4), options });
  if (Object.keys(options).some((name) => values[name] === undefined)) fail();
  return values;
}

async function startNats() {
  if (option !== undefined) fail();
  const { findNatsProblem, openNatsServer } = await import(new URL("nats-server.ts", testkit).href);
  refuse(findNatsProblem());
  const server = await openNatsServer();
  await untilStopped(server, `NATS is ready: NATS_URL=${server.url}`);
}

function refuse(problem) {
  if (problem === undefined) return;
  console.error(problem);
  process.exit(1);
}

async function untilStopped(server, line) {
  console.log(line);
  // Something must keep the process alive.
  const alive = setTimeout(() => undefined, 2 ** 31 - 1);
  await new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, resolve);
  });
  clearTimeout(alive);
  await server.close();
}
