import { enableCompileCache } from "node:module";
import { join } from "node:path";
import { parseCommand } from "./command.ts";
import { parseStartOptions, resolvePaths, startUsage } from "./start/options.ts";
import { StartError, UsageError } from "./usage-error.ts";

const usage = `Usage: kelvin <command> [options]

Commands:
  start     run a local cluster with all of Kelvin on it (what npm start does)

kelvin <command> --help tells more about a command.
`;

async function main(): Promise<number> {
  const command = parseCommand(process.argv.slice(2));
  if (command.name === "help") return print(usage);
  const options = parseStartOptions(command.words, process.env);
  if (options === undefined) return print(startUsage);
  // npm changes to the repository's root; paths are meant from where the user stands.
  const resolved = resolvePaths(options, process.env.INIT_CWD ?? process.cwd());
  const { lockDataDir } = await import("./start/data-dir-lock.ts");
  const lock = lockDataDir(resolved.dataDir);
  try {
    // Loading from the cache takes half the time, and loading is a good part of a start.
    enableCompileCache(join(resolved.dataDir, "compile-cache"));
    const { runStart } = await import("./start/start.ts");
    return await runStart(resolved);
  } finally {
    lock.release();
  }
}

function print(text: string): number {
  process.stdout.write(text);
  return 0;
}

function fail(error: unknown): number {
  if (error instanceof UsageError) {
    process.stderr.write(`kelvin: ${error.message}\nTry: npm start -- --help\n`);
    return 2;
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  process.stderr.write(`kelvin: ${error instanceof StartError ? error.message : text}\n`);
  return 1;
}

// A reader that went away, as in `npm start | head`, must not end the cluster.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

try {
  process.exitCode = await main();
} catch (error) {
  process.exitCode = fail(error);
}
