import { execFile, spawn, spawnSync, type ChildProcessWithoutNullStreams } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, jest } from "@jest/globals";
import { openApiServer, type ApiServer } from "../open-api-server.ts";
import { writeKubeconfig } from "../write-kubeconfig.ts";

const run = promisify(execFile);
const minorMin = 28;
const version = /"gitVersion": "v1\.(\d+)\./.exec(
  spawnSync("kubectl", ["version", "--client", "-o", "json"]).stdout?.toString() ?? "",
);
const hasKubectl = Number(version?.[1] ?? 0) >= minorMin;

/** `describe` where there is a kubectl; elsewhere its tests are skipped, and stderr says why. */
export const describeKubectl: typeof describe.skip = hasKubectl ? describe : describe.skip;
if (!hasKubectl) process.stderr.write(`no kubectl of at least 1.${minorMin} on PATH: its tests are skipped\n`);

export interface Printed {
  /** Without the white space around it. */
  readonly out: string;
  readonly err: string;
}

/** The real kubectl against a server of its own, for one test file. */
export interface Kubectl {
  readonly server: ApiServer;
  /** Runs one command line; words in single quotes stay together. Resolves also when it fails: `err` tells. */
  readonly run: (line: string, env?: Readonly<Record<string, string>>) => Promise<Printed>;
  /** Starts a command that goes on until it is killed. */
  readonly start: (line: string) => ChildProcessWithoutNullStreams;
  /** Writes a file and returns its path. */
  readonly file: (name: string, text: string) => Promise<string>;
}

/** Opens a server before the tests of this file and closes it after them. What it returns is usable within tests only. */
export function useKubectl(): Kubectl {
  // A test runs kubectl a dozen times, each of which takes its time on a busy machine.
  jest.setTimeout(60_000);
  let directory = "";
  let server: ApiServer | undefined;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), "kelvin-kubectl-"));
    server = await openApiServer({ listen: [{ host: "127.0.0.1", port: 0 }] });
    await writeKubeconfig(join(directory, "kubeconfig"), server);
  });
  afterAll(async () => {
    await server?.close();
    await rm(directory, { recursive: true, force: true });
  });
  const argsOf = (line: string): string[] => {
    const words = line.match(/(?:'[^']*'|[^\s'])+/g) ?? [];
    const options = ["--kubeconfig", join(directory, "kubeconfig"), "--cache-dir", join(directory, "cache")];
    return [...words.map((word) => word.replaceAll("'", "")), ...options];
  };
  return {
    get server() {
      if (server === undefined) throw new Error("the server is there within tests only");
      return server;
    },
    async run(line, env = {}) {
      const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
      try {
        const { stdout, stderr } = await run("env", [...variables, "kubectl", ...argsOf(line)], { timeout: 20_000 });
        return { out: stdout.trim(), err: stderr };
      } catch (error) {
        const { stdout = "", stderr = String(error) } = error as { stdout?: string; stderr?: string };
        return { out: stdout.trim(), err: stderr };
      }
    },
    start: (line) => spawn("kubectl", argsOf(line)),
    async file(name, text) {
      const path = join(directory, name);
      await writeFile(path, text);
      return path;
    },
  };
}
