import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, realpathSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { answers } from "./answers.ts";
import { findLastingPort } from "./lasting-port.ts";

const READY_MS_MAX = 60_000;
const LOG_CHARS_MAX = 4_000;
/** Where Google's own packages put their SDK. */
const USUAL_ROOTS = ["/usr/lib/google-cloud-sdk", "/opt/google-cloud-sdk"];
const LIB = "platform/pubsub-emulator/lib";

/** Why there can be no emulator here, or undefined when there can. */
export function findPubsubProblem(): string | undefined {
  if (findJar() === undefined) {
    return "no Pub/Sub emulator: set PUBSUB_EMULATOR_JAR, or install Google's package google-cloud-cli-pubsub-emulator";
  }
  const java = spawnSync("java", ["-version"], { encoding: "utf8" });
  return java.status === 0 ? undefined : "no java on PATH for the Pub/Sub emulator: install default-jre-headless";
}

/** The emulator's version as its file says it. */
export function findPubsubVersion(): string {
  return /cloud-pubsub-emulator-([\d.]+\d)/.exec(findJar() ?? "")?.[1] ?? "of unknown version";
}

/** `PUBSUB_EMULATOR_JAR`, or what lies below the root of the gcloud that is on PATH. */
function findJar(): string | undefined {
  const named = process.env["PUBSUB_EMULATOR_JAR"] ?? "";
  if (named !== "") return existsSync(named) ? named : undefined;
  for (const root of [...rootsOnPath(), ...USUAL_ROOTS]) {
    const lib = join(root, LIB);
    const jar = existsSync(lib)
      ? readdirSync(lib).find((file) => /^cloud-pubsub-emulator-.*\.jar$/.test(file))
      : undefined;
    if (jar !== undefined) return join(lib, jar);
  }
  return undefined;
}

function rootsOnPath(): string[] {
  const roots: string[] = [];
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const gcloud = join(folder, "gcloud");
    if (folder !== "" && existsSync(gcloud)) roots.push(dirname(dirname(realpathSync(gcloud))));
  }
  return roots;
}

/** Google's Pub/Sub emulator on 127.0.0.1. It keeps everything in memory: whatever ends it loses it. */
export interface PubsubEmulator {
  readonly port: number;
  /** For `PUBSUB_EMULATOR_HOST`. */
  readonly host: string;
  close(): Promise<void>;
}

/** The arguments with which `java` runs it on a port of 127.0.0.1. @throws Error when there is none */
export function pubsubEmulatorArgs(port: number): string[] {
  const jar = findJar();
  if (jar === undefined) throw new Error(findPubsubProblem());
  const machine = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];
  return [...machine, "-jar", jar, "--host=127.0.0.1", `--port=${port}`];
}

/** Starts one; jar and java must be there (`findPubsubProblem`). @throws Error when it does not listen within a minute */
export async function openPubsubEmulator(): Promise<PubsubEmulator> {
  const port = await findLastingPort();
  const server = spawn("java", pubsubEmulatorArgs(port), { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  const hear = (piece: Buffer): void => {
    said = (said + piece.toString()).slice(-LOG_CHARS_MAX);
  };
  server.stdout.on("data", hear);
  server.stderr.on("data", hear);
  // A test that is ended from outside must not leave a JVM behind.
  const onExit = (): void => void server.kill("SIGKILL");
  process.on("exit", onExit);
  const close = async (): Promise<void> => {
    process.off("exit", onExit);
    if (server.exitCode !== null || server.signalCode !== null) return;
    const closed = new Promise((resolve) => server.once("close", resolve));
    server.kill("SIGKILL");
    await closed;
  };
  if (!(await answers(port, { by: "connect", msMax: READY_MS_MAX, hasEnded: () => server.exitCode !== null }))) {
    await close();
    throw new Error(`the Pub/Sub emulator did not start: ${said}`);
  }
  return { port, host: `127.0.0.1:${port}`, close };
}
