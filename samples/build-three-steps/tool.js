// Stands for the builder and the pusher of a build: says what it is asked, and works in the volume that the two share.
import { appendFileSync, readdirSync, readFileSync } from "node:fs";

const shared = "/shared/report";
const [what, ...rest] = process.argv.slice(2);
// A Build with steps of its own has no parameters: ${IMAGE} comes as it stands, and is a variable like any other.
const target = rest.join(" ").replaceAll(/\$\{(\w+)\}/g, (found, name) => process.env[name] ?? found);

if (what === "build") {
  const files = readdirSync("/workspace").filter((name) => name !== ".git");
  appendFileSync(shared, `built ${files.join(", ")}\n`);
  console.log(`Found ${files.length} files in /workspace`);
} else if (what === "push") {
  console.log(`To push as ${target}: ${readFileSync(shared, "utf8").trim()}`);
} else {
  console.error(`want "build" or "push", got "${what ?? ""}"`);
  process.exitCode = 2;
}
