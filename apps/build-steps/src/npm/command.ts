import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Command, CommandContext } from "../command.ts";
import { errorText } from "../error-code.ts";
import { parseFlags } from "../flags.ts";
import { StepFailure } from "../step-failure.ts";
import { eachLine, runTool } from "../tool-process.ts";
import type { ToolAnswer } from "../tool-process.ts";
import { kindOf, requireDirectory, splitTarget } from "../workspace/safe-path.ts";
import { countPackages } from "./package-lock.ts";

const reachTimeoutMs = 5000;

/** Installs what package-lock.json asks for. Without one, or where it asks for nothing, there is nothing to do. */
export const npmInstall: Command = async (args, context) => {
  const flags = parseFlags(args, { workspace: "once", directory: "once" });
  const workspace = flags.workspace ?? "/workspace";
  const directory = await requireDirectory(workspace, splitTarget(workspace, flags.directory ?? "."));
  const lock = join(directory, "package-lock.json");
  const packages = (await kindOf(lock)) === "file" ? countPackages(await readFile(lock, "utf8")) : 0;
  if (packages === 0) {
    context.say("package-lock.json asks for no packages: nothing to install");
    return [];
  }
  const { stdout } = await runNpm(["config", "get", "registry"], directory, context);
  const registry = stdout.trim();
  const problem = await findReachProblem(registry, context);
  if (problem !== undefined) {
    if ((await kindOf(join(directory, "node_modules"))) === "directory") {
      context.say(
        `The npm registry ${registry} cannot be reached (${problem}): node_modules stays as the source brings it`,
      );
      return [];
    }
    throw new StepFailure(
      "NpmRegistryUnreachable",
      `package-lock.json asks for ${packages} packages, and the npm registry ${registry} cannot be reached (${problem}); ` +
        "name one that can in .npmrc, or bring node_modules with the source",
    );
  }
  context.say(`Installing ${packages} packages from ${registry}`);
  const answer = await runNpm(["ci", "--omit=dev", "--prefer-offline", "--no-audit", "--no-fund"], directory, context);
  if (answer.exitCode === 0) return [];
  const words = answer.stderr
    .split("\n")
    .filter((line) => line.startsWith("npm error"))
    .slice(0, 4)
    .join(" | ");
  throw new StepFailure("NpmFailed", `npm ci failed; see the lines above in the log (${words.slice(0, 800)})`);
};

async function runNpm(args: readonly string[], directory: string, context: CommandContext): Promise<ToolAnswer> {
  const print = eachLine((line) => {
    if (line.trim() !== "" && args[0] === "ci") context.say(`  ${line}`);
  });
  return await runTool({
    program: "npm",
    args,
    cwd: directory,
    env: { ...context.config.passedOn, HOME: homedir(), CI: "true", NO_UPDATE_NOTIFIER: "1" },
    signal: context.signal,
    onStdout: print,
    onStderr: print,
    remedy: "use an image with npm in it, or bring node_modules with the source",
  });
}

/** npm itself tries for minutes. Behind a proxy only the proxy can tell. */
async function findReachProblem(registry: string, { config }: CommandContext): Promise<string | undefined> {
  const url = URL.canParse(registry) ? new URL(registry) : undefined;
  if (url === undefined) return "it is no URL";
  if (Object.keys(config.passedOn).some((name) => /^https?_proxy$/i.test(name))) return undefined;
  const port = url.port === "" ? (url.protocol === "http:" ? 80 : 443) : Number(url.port);
  return await new Promise((resolve) => {
    const socket = connect({ host: url.hostname.replace(/^\[|\]$/g, ""), port, timeout: reachTimeoutMs });
    const end = (problem: string | undefined): void => {
      socket.destroy();
      resolve(problem);
    };
    socket.once("connect", () => end(undefined));
    socket.once("timeout", () => end(`no answer in ${reachTimeoutMs / 1000} s`));
    socket.once("error", (error) => end(errorText(error) || "refused"));
  });
}
