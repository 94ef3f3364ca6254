import { runStep } from "./app.ts";
import { parseConfig } from "./config.ts";

// What is written here is for the Pod's group too: steps may run as another user.
process.umask(0o002);

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort(new Error(`got ${signal}`)));

process.exitCode = await runStep(process.argv.slice(2), {
  config: parseConfig(process.env),
  writeLine: (line) => process.stdout.write(`${line}\n`),
  signal: stop.signal,
});
