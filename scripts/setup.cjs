// Installs the locked dependencies when they are missing or the lock changed. Plain CommonJS with
// no dependencies and old syntax only: it is the first thing a fresh clone runs, on the system's Node.
"use strict";
const { createHash } = require("node:crypto");
const { existsSync, readFileSync, writeFileSync } = require("node:fs");
const { join } = require("node:path");
const { spawnSync } = require("node:child_process");

const root = join(__dirname, "..");
const stampFile = join(root, "node_modules", ".kelvin-install");
const major = Number(process.versions.node.split(".")[0]);

if (major < 20) {
  console.error(`Kelvin needs Node 20 or newer to install itself; this is ${process.version}.`);
  process.exit(1);
}
const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .digest("hex");
const installed = existsSync(stampFile) ? readFileSync(stampFile, "utf8") : "";
if (installed !== wanted) {
  console.error("Installing dependencies (first run or changed lock file; about half a minute) ...");
  // stdout belongs to the command that follows (its ready line is parsed by scripts), so npm writes to stderr.
  // Its warnings are about the Node that installs; what runs is the pinned one, which it installs.
  const options = ["--no-audit", "--no-fund", "--loglevel=error"];
  const result = spawnSync("npm", ["ci", ...options], { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.status !== 0) {
    console.error("npm ci failed; mend what it names above and run the same command again.");
    process.exit(1);
  }
  writeFileSync(stampFile, wanted);
}
