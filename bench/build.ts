// Builds on a whole Kelvin: how soon a Build has its Pod, what lies between two steps, and how many Builds a second there are.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { bareOci, bareSandbox, parseTimes, runBare, tellTimes, type Times } from "./bare-start.ts";
import { openBuildWatch, type BuildWatch, type Step } from "./build-watch.ts";
import { makeScratchDirectory, startSubject, until } from "./subject.ts";
import { atMost, median, quantile, rounded, spread, type Findings, type Row } from "./table.ts";

const rounds = Number(process.env["BENCH_ROUNDS"] ?? 6);
const crowd = Number(process.env["BENCH_BUILDS"] ?? 40);
const stepsPerPod = 12;
const buildsPerRound = 4;
const ports = { http: 18_090, api: 18_095, registry: 18_096 };
const boundaryMsTarget = 20;
const ociRatioTarget = 1.5;
const toPodMsTarget = 150;

/** What runs a step. */
interface RuntimeUnderTest {
  readonly name: "local" | "sandbox" | "oci";
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
    const waiting = { subject: kelvin, waitMsMax: 120_000, pauseMs: 500 };
    const isBuilt = async (): Promise<boolean> =>
      (await watch.runBuild(makeStep(localImage)).catch(() => undefined)) !== undefined;
    await until(isBuilt, { ...waiting, what: "the first Build" });
    const isRun = async (runtime: string): Promise<boolean> =>
      (await watch.runPod(makeStep(nodeImage), 1, runtime)) !== undefined;
    await until(() => isRun("sandbox"), { ...waiting, what: "the first Pod of an image" });
    const hasOci = await isRun("oci");
    const figures = await measure(watch, { images: join(directory, "images"), hasOci });
    await watch.close();
    return findings(figures);
  } finally {
    await kelvin.stop();
  }
}

const localImage = "dev.local/hello";
const nodeImage = "registry.localhost:5000/kelvin/node:24";
const makeStep = (image: string): Step => ({
  image,
  command: ["sh", "-c", `{ ${tellTimes}; } > /dev/termination-log`],
});

interface Figures {
  readonly toPodMs: readonly number[];
  readonly runtimes: readonly RuntimeUnderTest[];
  readonly crowdMs: number;
}

async function measure(
  watch: BuildWatch,
  { images, hasOci }: { readonly images: string; readonly hasOci: boolean },
): Promise<Figures> {
  const toPodMs: number[] = [];
  const runtimes: RuntimeUnderTest[] = [
    { name: "local", image: localImage, runBare: () => runBare([]), boundaries: [], bare: [] },
    { name: "sandbox", image: nodeImage, runBare: bareSandbox(images), boundaries: [], bare: [] },
  ];
  const runc = hasOci ? bareOci(images) : undefined;
  if (runc !== undefined) runtimes.push({ name: "oci", image: nodeImage, runBare: runc, boundaries: [], bare: [] });
  for (let round = 0; round < rounds; round++) {
    for (let build = 0; build < buildsPerRound; build++) {
      // oxlint-disable-next-line no-await-in-loop -- as below
      toPodMs.push((await watch.runBuild(makeStep(localImage))) ?? NaN);
    }
    for (const { name, image, runBare: run, boundaries, bare } of runtimes) {
      // oxlint-disable-next-line no-await-in-loop -- one Pod at a time is what is measured
      const messages = (await watch.runPod(makeStep(image), stepsPerPod, name)) ?? [];
      boundaries.push(...gaps(messages.map(parseTimes)));
      bare.push(...gaps(Array.from({ length: stepsPerPod }, run)));
    }
  }
  const startedAtMs = performance.now();
  await Promise.all(Array.from({ length: crowd }, () => watch.runBuild(makeStep(localImage))));
  return { toPodMs, runtimes, crowdMs: performance.now() - startedAtMs };
}

/** From the end of each to the beginning of the next. */
function gaps(runs: readonly Times[]): number[] {
  return runs.slice(1).map(({ beganMs }, index) => beganMs - (runs[index]?.endedMs ?? NaN));
}

function findings({ toPodMs, runtimes, crowdMs }: Figures): Findings {
  const row = (what: string, values: readonly number[]): Row => ({
    what,
    "median ms": rounded(median(values)),
    "p95 ms": rounded(quantile(values, 0.95)),
    spread: spread(values),
  });
  return {
    title: `build: ${rounds} rounds of ${stepsPerPod} steps in each runtime, and ${crowd} Builds at once`,
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
        name === "oci"
          ? atMost("oci: a step boundary, as a multiple of a bare runc run", median(boundaries) / median(bare), {
              target: ociRatioTarget,
              unit: "times",
            })
          : atMost(`${name}: a step boundary, over the bare start`, median(boundaries) - median(bare), {
              target: boundaryMsTarget,
              unit: "ms",
            }),
      ),
    ],
    remarks: [
      `${crowd} Builds of one step, created at once: ${rounded(crowd / (crowdMs / 1000))} Builds/s from the first create to the last end`,
      "steps say the time themselves, in their termination messages: from a program's last line to the next program's first",
      "the packer beside buildah: npm run bench build-pack",
      ...(runtimes.some(({ name }) => name === "oci") ? [] : ["no runc that works here: runtime oci was not measured"]),
    ],
  };
}
