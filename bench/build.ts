// Builds on a whole Kelvin: how soon a Build has its Pod, what lies between two steps, and how many Builds a second there are.
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isBuildEnded, openBuildWatch, type BuildWatch } from "./build-watch.ts";
import { makeScratchDirectory, startSubject, until } from "./subject.ts";
import { atMost, median, quantile, rounded, spread, type Findings, type Row } from "./table.ts";

const rounds = Number(process.env["BENCH_ROUNDS"] ?? 6);
const crowd = Number(process.env["BENCH_BUILDS"] ?? 40);
const stepsPerBuild = 12;
const ports = { http: 18_090, api: 18_095, registry: 18_096 };
const boundaryMsTarget = 20;
const toPodMsTarget = 150;

/** Says when it began and when it ended. It lasts for as long as it takes to tell everybody that it has begun. */
const tellTimes = "date +%s%N; sleep 0.15; date +%s%N";

/** What runs a step. */
interface RuntimeUnderTest {
  readonly name: "local" | "sandbox";
  readonly image: string;
  /** Runs the same program in the same way without a cluster, and gives its times. */
  readonly runBare: () => Times;
  readonly boundaries: number[];
  readonly bare: number[];
}

export async function benchBuild(): Promise<Findings> {
  const directory = makeScratchDirectory();
  const options = ["--data-dir", directory, "--http-port", String(ports.http), "--api-port", String(ports.api)];
  const more = ["--registry-port", String(ports.registry)];
  const kelvin = startSubject("apps/cli/src/main.ts", ["start", ...options, ...more]);
  try {
    const kubeconfig = join(directory, "kubeconfig");
    const isThere = async (): Promise<boolean> => (await readFile(kubeconfig, "utf8").catch(() => "")) !== "";
    await until(isThere, { subject: kelvin, what: "its kubeconfig", waitMsMax: 120_000 });
    const watch = await openBuildWatch(kubeconfig);
    // Refused for as long as the admission webhooks are not there; and the first fills caches, and pulls the image.
    for (const image of [localImage, nodeImage]) {
      const run = async (): Promise<boolean> => isBuildEnded(await watch.run([makeStep(image)]).catch(() => undefined));
      await until(run, { subject: kelvin, what: `a Build of ${image}`, waitMsMax: 120_000, pauseMs: 500 });
    }
    const figures = await measure(watch, directory);
    await watch.close();
    return findings(figures);
  } finally {
    await kelvin.stop();
  }
}

const localImage = "dev.local/hello";
const nodeImage = "registry.localhost:5000/kelvin/node:24";
const makeStep = (image: string): object => ({
  image,
  command: ["sh", "-c", `{ ${tellTimes}; } > /dev/termination-log`],
});

interface Figures {
  readonly toPodMs: readonly number[];
  readonly runtimes: readonly RuntimeUnderTest[];
  readonly crowdMs: number;
}

async function measure(watch: BuildWatch, directory: string): Promise<Figures> {
  const toPodMs: number[] = [];
  const runtimes: RuntimeUnderTest[] = [
    { name: "local", image: localImage, runBare: () => runBare([]), boundaries: [], bare: [] },
    { name: "sandbox", image: nodeImage, runBare: bareSandbox(directory), boundaries: [], bare: [] },
  ];
  for (let round = 0; round < rounds; round++) {
    for (const { image, runBare: run, boundaries, bare } of runtimes) {
      // oxlint-disable-next-line no-await-in-loop -- one Build at a time is what is measured
      const seen = await watch.run(Array.from({ length: stepsPerBuild }, () => makeStep(image)));
      toPodMs.push(seen.toPodMs);
      boundaries.push(...gaps(seen.terminationMessages.map(parseTimes)));
      bare.push(...gaps(Array.from({ length: stepsPerBuild }, run)));
    }
  }
  const startedAtMs = performance.now();
  await Promise.all(Array.from({ length: crowd }, () => watch.run([makeStep(localImage)])));
  return { toPodMs, runtimes, crowdMs: performance.now() - startedAtMs };
}

interface Times {
  readonly beganMs: number;
  readonly endedMs: number;
}

function parseTimes(text: string): Times {
  const [beganMs = NaN, endedMs = NaN] = text
    .trim()
    .split("\n")
    .map((nanoseconds) => Number(nanoseconds) / 1e6);
  return { beganMs, endedMs };
}

/** From the end of each to the beginning of the next. */
function gaps(runs: readonly Times[]): number[] {
  return runs.slice(1).map(({ beganMs }, index) => beganMs - (runs[index]?.endedMs ?? NaN));
}

const asRoot = process.getuid?.() === 0 ? [] : ["--user", "--map-root-user"];

/** One run after another, each as soon as the last has ended. */
function runBare(words: readonly string[]): Times {
  const args = [...words, "sh", "-c", tellTimes];
  return parseTimes(execFileSync("env", args, { encoding: "utf8" }));
}

/** The least that the runtime `sandbox` cannot do without: an overlay on the image in a mount namespace, and a root moved there. */
function bareSandbox(directory: string): () => Times {
  const roots = join(directory, "images", "roots");
  const rootfs = join(roots, readdirSync(roots)[0] ?? "", "rootfs");
  const scratch = makeScratchDirectory();
  let count = 0;
  return () => {
    count += 1;
    const at = (name: string): string => join(scratch, `${name}-${count}`);
    for (const name of ["root", "upper", "work"]) mkdirSync(at(name));
    const layers = `lowerdir=${rootfs},upperdir=${at("upper")},workdir=${at("work")}`;
    const script = `mount -t overlay overlay -o ${layers} ${at("root")} && exec chroot ${at("root")} "$@"`;
    const namespaces = [...asRoot, "--mount", "--uts", "--propagation", "private"];
    return runBare(["unshare", ...namespaces, "sh", "-c", script, "bare"]);
  };
}

function findings({ toPodMs, runtimes, crowdMs }: Figures): Findings {
  const row = (what: string, values: readonly number[]): Row => ({
    what,
    "median ms": rounded(median(values)),
    "p95 ms": rounded(quantile(values, 0.95)),
    spread: spread(values),
  });
  return {
    title: `build: ${rounds} rounds of ${stepsPerBuild} steps in each runtime, and ${crowd} Builds at once`,
    rows: [
      row("Build created to its Pod seen", toPodMs),
      ...runtimes.flatMap(({ name, boundaries, bare }) => [
        row(`${name}: from one step's end to the next one's beginning`, boundaries),
        row(`${name}: the same bare, one run after another`, bare),
      ]),
    ],
    targets: [
      atMost("Build created to its Pod seen", median(toPodMs), { target: toPodMsTarget, unit: "ms" }),
      ...runtimes.map(({ name, boundaries, bare }) =>
        atMost(`${name}: a step boundary, over the bare start`, median(boundaries) - median(bare), {
          target: boundaryMsTarget,
          unit: "ms",
        }),
      ),
    ],
    remarks: [
      `${crowd} Builds of one step, created at once: ${rounded(crowd / (crowdMs / 1000))} Builds/s from the first create to the last end`,
      "steps say the time themselves, in their termination messages: from a program's last line to the next program's first",
      "the packer beside buildah: npm run bench build-pack",
      "this node has no runtime oci: no step was run by runc",
    ],
  };
}
