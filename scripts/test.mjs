// `npm test`: every test, and at the end which real components took part. `npm run test:long` (--long) also runs the
// full soaks, `npm run e2e` (--e2e) only the end-to-end tests: also against the cluster that the environment names, see
// e2e/cluster.ts. Extra arguments go to jest. Exits non-zero on any failure; with CI=true also when a component that
// .ci/run promised is missing.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { findComponents } from "./components.mjs";

const args = process.argv.slice(2);
const isLong = args.includes("--long");
const isEndToEndOnly = args.includes("--e2e") || process.env.KELVIN_E2E_KUBECONFIG !== undefined;
const jestArgs = args.filter((arg) => arg !== "--long" && arg !== "--e2e");
const isTty = process.stdout.isTTY === true;
const red = (text) => (isTty ? `\x1b[31m${text}\x1b[0m` : text);

const components = findComponents();
const missing = components.filter((component) => component.problem !== undefined);
/** @type {string[]} names of tests that were skipped; they say why */
const notRun = [];
const counts = { passed: 0, failed: 0, skipped: 0 };

/** Runs one jest configuration in its own process and adds up what it counted. */
function runJest(name, config) {
  console.log(`\n== ${name}`);
  mkdirSync("node_modules/.cache", { recursive: true });
  const outputFile = `node_modules/.cache/kelvin-jest-${config.replaceAll(/[^a-z0-9]/g, "-")}.json`;
  const result = spawnSync(
    process.execPath,
    [
      "--experimental-vm-modules",
      "--disable-warning=ExperimentalWarning",
      "node_modules/jest/bin/jest.js",
      `--config=${config}`,
      // A test that fails may leave a socket open, and jest would wait for it for ever. Locally it says so.
      ...(process.env.CI === "true" ? ["--forceExit"] : []),
      "--json",
      `--outputFile=${outputFile}`,
      ...jestArgs,
    ],
    { stdio: ["ignore", "ignore", "inherit"], env: { ...process.env, KELVIN_TEST_LONG: isLong ? "1" : "" } },
  );
  const summary = readSummary(outputFile);
  counts.passed += summary.numPassedTests;
  counts.failed += summary.numFailedTests + summary.numRuntimeErrorTestSuites;
  counts.skipped += summary.numPendingTests;
  const tests = (summary.testResults ?? []).flatMap(({ assertionResults }) => assertionResults);
  notRun.push(...tests.flatMap(({ status, fullName }) => (status === "pending" ? [fullName] : [])));
  if (result.status !== 0 && summary.numFailedTests + summary.numRuntimeErrorTestSuites === 0) counts.failed += 1;
}

function readSummary(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numRuntimeErrorTestSuites: 1 };
  }
}

if (!isEndToEndOnly) runJest("unit, table and contract tests", "jest.config.js");
const isElsewhere = process.env.KELVIN_E2E_KUBECONFIG !== undefined;
const endToEndNeeds = missing.filter(
  ({ name, neededBy }) => neededBy === "end-to-end" && (name === "kubectl" || !isElsewhere),
);
if (endToEndNeeds.length === 0) {
  runJest("end to end, through the real processes and the real kubectl", "e2e/jest.config.js");
} else {
  console.log(red(`\n== end to end: NOT RUN: ${endToEndNeeds.map((component) => component.problem).join("; ")}`));
}

if (notRun.length > 0) console.log(`\nNot run:\n${notRun.map((name) => `  ${name}`).join("\n")}`);
console.log("\nReal components in this run:");
for (const component of components) {
  const line = `  ${component.name.padEnd(24)} ${component.problem === undefined ? component.version : `NOT USED: ${component.problem}`}`;
  console.log(component.problem === undefined ? line : red(line));
}
const promised = process.env.CI === "true" ? missing.filter((component) => component.promisedInCi) : [];
for (const component of promised) {
  console.log(red(`  .ci/run promises ${component.name}, but it is missing: ${component.problem}`));
  counts.failed += 1;
}
console.log(`\n${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);
