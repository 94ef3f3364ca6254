// `npm run check`: everything that must hold of the sources, without running the tests. Each step is printed with its
// time; the first failures are shown whole and the rest still run, so one run tells all there is to mend.
import { spawnSync } from "node:child_process";

/** @type {[name: string, command: string, args: string[], remedy: string][]} */
const steps = [
  ["format", "oxfmt", ["--check", "."], "npm run fix"],
  ["lint", "oxlint", ["--deny-warnings"], "npm run fix mends some"],
  ["types", "tsc", ["-b"], ""],
  ["generated files", "node", ["--conditions=@kelvin/source", "tools/gen-crds.ts", "--check"], "npm run gen"],
  ["overlays render", "node", ["--conditions=@kelvin/source", "apps/cli/src/kustomize/check-overlays.ts"], ""],
  ["dead files and dependencies", "knip", ["--no-progress"], ""],
  ["tidy rules", "node", ["--conditions=@kelvin/source", "tools/tidy.ts"], ""],
];

/** @type {string[]} */
const failed = [];
for (const [name, command, args, remedy] of steps) {
  const startMs = performance.now();
  const result = spawnSync(command, args, { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 });
  const seconds = ((performance.now() - startMs) / 1000).toFixed(1);
  const isGood = result.status === 0;
  console.log(`${isGood ? "ok  " : "FAIL"} ${name} (${seconds} s)`);
  if (isGood) continue;
  failed.push(name);
  console.log(`${result.stdout ?? ""}${result.stderr ?? ""}${result.error?.message ?? ""}`.trimEnd());
  if (remedy !== "") console.log(`     mend with: ${remedy}`);
}
if (failed.length > 0) {
  console.log(`\ncheck failed: ${failed.join(", ")}`);
  process.exit(1);
}
console.log("\ncheck passed");
