import { parseCommand } from "./command.ts";
import { runStart } from "./start/start.ts";
import { parseStartOptions, startUsage } from "./start/options.ts";
import { StartError, UsageError } from "./usage-error.ts";

const usage = `Usage: kelvin <command> [options]

Commands:
  start     run a local cluster with all of Kelvin on it (what npm start does)

kelvin <command> --help tells more about a command.
`;

async function main(): Promise<number> {
  const command = parseCommand(process.argv.slice(2));
  if (command.name === "help") {
    process.stdout.write(usage);
    return 0;
  }
  const options = parseStartOptions(command.words, process.env);
  if (options === undefined) {
    process.stdout.write(startUsage);
    return 0;
  }
  return runStart(options);
}

// A reader that went away, as in `npm start | head`, must not end the cluster.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);

try {
  process.exitCode = await main();
} catch (error) {
  if (error instanceof UsageError) {
    process.stderr.write(`kelvin: ${error.message}\nTry: npm start -- --help\n`);
    process.exitCode = 2;
  } else {
    const text =
      error instanceof StartError
        ? error.message
        : error instanceof Error
          ? (error.stack ?? error.message)
          : String(error);
    process.stderr.write(`kelvin: ${text}\n`);
    process.exitCode = 1;
  }
}
