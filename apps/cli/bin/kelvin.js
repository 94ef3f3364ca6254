#!/usr/bin/env node
/* oxlint-disable typescript/no-unsafe-assignment, typescript/no-unsafe-call, typescript/no-unsafe-member-access, typescript/no-unsafe-return, typescript/no-unsafe-argument -- any Node runs this first, so it is plain JavaScript without types */
// Runs the TypeScript sources with the Node that the repository pins, whatever node is first on PATH.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const app = join(dirname(fileURLToPath(import.meta.url)), "..");
const pinned = join(app, "..", "..", "node_modules", ".bin", "node");
const node = existsSync(pinned) ? pinned : process.execPath;
const args = ["--conditions=@kelvin/source", "--disable-warning=ExperimentalWarning", join(app, "src", "main.ts")];
const child = spawn(node, [...args, ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  if (signal === null) process.exit(code ?? 1);
  process.removeAllListeners(signal);
  process.kill(process.pid, signal);
});
