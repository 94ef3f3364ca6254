import { StepFailure } from "../step-failure.ts";

/** How many packages a package-lock.json asks for beside the project's own. @throws StepFailure when it is none. */
export function countPackages(text: string): number {
  const lock = parseJson(text);
  const packages = (lock as { packages?: unknown } | null)?.packages;
  if (typeof packages === "object" && packages !== null) {
    return Object.keys(packages).filter((path) => path.includes("node_modules/")).length;
  }
  // The form before npm 7.
  const dependencies = (lock as { dependencies?: unknown } | null)?.dependencies;
  return typeof dependencies === "object" && dependencies !== null ? Object.keys(dependencies).length : 0;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new StepFailure("PackageLockInvalid", "package-lock.json is not JSON; write it anew with npm install");
  }
}
