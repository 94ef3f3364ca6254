// Which real components this machine offers to the tests: name, version, or what is wrong and how to mend it.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { findKafkaProblem, kafkaVersion } from "../packages/testkit/src/kafka-jars.ts";
import { findPubsubProblem, findPubsubVersion } from "../packages/testkit/src/pubsub-emulator.ts";

/** @returns {{name: string, version?: string, problem?: string, neededBy?: string, promisedInCi: boolean}[]} */
export function findComponents() {
  return [
    findNode(),
    findKubectl(),
    findNamespaces(),
    findGit(),
    findSshServer(),
    findBuildah(),
    findDockerRegistry(),
    findRunc(),
    findNats(),
    findKafka(),
    findPubsubEmulator(),
  ];
}

function findNode() {
  return { name: "Node.js", version: process.version, promisedInCi: true };
}

/** kubectl from 1.28 on; older ones do not understand a server of today. */
function findKubectl() {
  const component = { name: "kubectl", neededBy: "end-to-end", promisedInCi: true };
  const result = spawnSync("kubectl", ["version", "--client", "--output=json"], { encoding: "utf8" });
  if (result.error !== undefined || result.status !== 0) {
    return { ...component, problem: "no kubectl on PATH (install kubectl 1.28 or newer)" };
  }
  const version = JSON.parse(result.stdout).clientVersion?.gitVersion ?? "unknown";
  const [, major, minor] = /^v(\d+)\.(\d+)/.exec(version) ?? [];
  if (Number(major) !== 1 || Number(minor) < 28) {
    return { ...component, problem: `kubectl ${version} is too old for this server (install 1.28 or newer)` };
  }
  return { ...component, version };
}

/** The namespaces that the local cluster lives in. */
function findNamespaces() {
  const component = { name: "Linux namespaces", neededBy: "end-to-end", promisedInCi: true };
  const probe = spawnSync(
    "unshare",
    [...(process.getuid?.() === 0 ? [] : ["-Ur"]), "-npfm", "--mount-proc", "ip", "link"],
    {
      encoding: "utf8",
    },
  );
  if (probe.error !== undefined || probe.status !== 0) {
    const cause = probe.error?.message ?? probe.stderr.trim();
    return {
      ...component,
      problem: `unshare with ip refused: ${cause} (util-linux, iproute2 and namespaces are needed)`,
    };
  }
  return { ...component, version: "pid, mount, network" };
}

/** Fetches the sources of builds, and serves them to the tests. */
function findGit() {
  return findProgram({ name: "git", neededBy: "builds" }, "git", ["--version"]);
}

/** Serves sources over ssh to the tests. */
function findSshServer() {
  const component = { name: "sshd", neededBy: "builds", promisedInCi: true };
  if (!existsSync("/usr/sbin/sshd")) return { ...component, problem: "no /usr/sbin/sshd (install openssh-server)" };
  return { ...component, version: spawnSync("ssh", ["-V"], { encoding: "utf8" }).stderr?.trim() };
}

/** Builds Dockerfiles. */
function findBuildah() {
  return findProgram({ name: "buildah", neededBy: "builds" }, "buildah", ["--version"]);
}

/** Takes the images of the tests. */
function findDockerRegistry() {
  return findProgram({ name: "docker-registry", neededBy: "builds" }, "docker-registry", ["--version"]);
}

/** Runs images as containers of their own. */
function findRunc() {
  return findProgram({ name: "runc", neededBy: "the oci runtime" }, "runc", ["--version"]);
}

/** Keeps events. */
function findNats() {
  return findProgram({ name: "NATS", neededBy: "the bus on NATS" }, "nats-server", ["--version"]);
}

/** Keeps events, too: a broker made of jars that are fetched. */
function findKafka() {
  const component = { name: "Kafka", neededBy: "the bus on Kafka", promisedInCi: true };
  const problem = findKafkaProblem();
  return problem === undefined ? { ...component, version: kafkaVersion } : { ...component, problem };
}

/** Google's own package, from Google's archive: nobody can promise it. */
function findPubsubEmulator() {
  const component = { name: "Pub/Sub emulator", promisedInCi: false };
  const problem = findPubsubProblem();
  return problem === undefined ? { ...component, version: findPubsubVersion() } : { ...component, problem };
}

function findProgram(component, program, args) {
  const result = spawnSync(program, args, { encoding: "utf8" });
  if (result.error !== undefined || result.status !== 0) {
    return { ...component, promisedInCi: true, problem: `no ${program} on PATH (install Debian's package ${program})` };
  }
  return { ...component, promisedInCi: true, version: result.stdout.split("\n")[0].trim() };
}
