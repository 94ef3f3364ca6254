import { execFile } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { noSecurity } from "./container-security.ts";
import { isMachineRoot } from "./identity-map.ts";
import { makeOciConfig } from "./oci-config.ts";
import type { RuntimeTrial } from "./runtime.ts";
import { hasTool, toolFile, toolPath } from "./tools.ts";

/** Programs that run OCI bundles, in the order in which they are tried. */
const TOOLS = ["runc", "crun"];
const TRIAL_TIMEOUT_MS = 20_000;
const CALL_TIMEOUT_MS = 30_000;
/** A program that is nowhere: that it cannot be run is the last thing to go wrong, when all else has gone well. */
const NOTHING = "/kelvin-is-not-there";

export interface OciToolPlace {
  /** What the tool keeps of its containers, and trials; emptied at the start. */
  readonly directory: string;
  /** Where the group of a trial goes. */
  readonly cgroupsPath: string | undefined;
}

/** A program that runs OCI bundles on this machine. */
export interface OciTool {
  /** Words before one of its commands. */
  readonly words: readonly string[];
  /** Ends what is left of a container, and forgets it. Never rejects. */
  remove(id: string): Promise<void>;
}

export interface FoundTool extends RuntimeTrial {
  readonly tool?: OciTool;
}

/** The first tool by which a container really comes to its last step here. */
export async function findOciTool(place: OciToolPlace): Promise<FoundTool> {
  const present = TOOLS.filter(hasTool);
  if (present.length === 0) return { works: false, fact: `not there: neither ${TOOLS.join(" nor ")} is installed` };
  const failures: string[] = [];
  for (const name of present) {
    const words = [toolFile(name), "--root", join(place.directory, "state")];
    // oxlint-disable-next-line no-await-in-loop -- the second is of interest only where the first has failed
    const failure = await tryTool(words, place);
    if (failure === undefined)
      return { works: true, fact: `by ${toolFile(name)}`, tool: { words, remove: (id) => remove(words, id) } };
    failures.push(`${name} does not work here: ${failure}`);
  }
  return { works: false, fact: failures.join("; ") };
}

async function tryTool(
  words: readonly string[],
  { directory, cgroupsPath }: OciToolPlace,
): Promise<string | undefined> {
  const bundle = join(directory, "trial");
  const root = join(bundle, "rootfs");
  mkdirSync(root, { recursive: true });
  const config = makeOciConfig({
    command: [NOTHING],
    env: {},
    workingDir: "/",
    root,
    hostname: "trial",
    security: noSecurity,
    mounts: [],
    cgroupsPath,
    isMachineRoot: isMachineRoot(),
  });
  writeFileSync(join(bundle, "config.json"), JSON.stringify(config));
  const id = `trial-${process.pid}`;
  const run = [...words, "run", "--keep", "--bundle", bundle, "--pid-file", join(bundle, "pid"), id];
  const said = await call(["unshare", "--mount", "--propagation", "private", ...run], TRIAL_TIMEOUT_MS);
  await remove(words, id);
  rmSync(bundle, { recursive: true, force: true });
  return said.includes(NOTHING) ? undefined : said;
}

async function remove(words: readonly string[], id: string): Promise<void> {
  await call([...words, "delete", "--force", id], CALL_TIMEOUT_MS);
}

/** What it said of its failure, in one line. */
function call([file = "", ...args]: readonly string[], timeoutMs: number): Promise<string> {
  return new Promise((resolve) => {
    execFile(file, args, { env: { PATH: toolPath }, timeout: timeoutMs }, (error, _, stderr) => {
      const said = stderr.trim().split("\n").at(-1) ?? "";
      // A line of runc's log: its time and level are of no use here.
      const message = /msg="(.*)"$/.exec(said)?.[1] ?? said;
      resolve(message === "" ? (error?.message ?? "it said nothing") : message);
    });
  });
}
