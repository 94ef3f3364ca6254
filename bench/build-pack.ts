// Packs a directory into an image and pushes it to a registry on this machine: Kelvin's packer, and Debian's buildah
// where it is installed, as whole programs from their start to their end.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { makeScratchDirectory, startSubject, untilAccepts } from "./subject.ts";
import { median, rounded, spread, type Findings, type Row } from "./table.ts";

const port = 17_690;
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
const fileCount = 3_000;
const fileBytesMax = 24 * 1024;
const words = "the quick brown fox jumps over a lazy dog while (const of) return await import {} => 42; ".split(" ");

/** One way to make an image of a directory. */
interface Packer {
  readonly name: string;
  readonly pack: (directory: string, image: string) => void;
}

export async function benchBuildPack(): Promise<Findings> {
  const scratch = makeScratchDirectory();
  const directory = join(scratch, "workspace/app");
  const bytes = writeTree(directory);
  const registry = startSubject("apps/registry/src/main.ts", [], {
    env: { REGISTRY_DIRECTORY: join(scratch, "registry"), LISTEN_PORT: String(port), LOG_LEVEL: "error" },
  });
  try {
    await untilAccepts(port, registry);
    const packers = [kelvin(join(scratch, "workspace")), ...buildah(scratch)];
    const times = packers.map(() => [] as number[]);
    for (let round = 0; round <= rounds; round++) {
      // A name of its own each time, but the same content: what is measured is packing, and a push that finds nothing new.
      const measured = packers.map(({ name, pack }) =>
        measure(() => pack(directory, `localhost:${port}/bench/${name}-${round}:1`)),
      );
      // The first round fills caches.
      if (round > 0) measured.forEach((timeMs, i) => times[i]?.push(timeMs));
    }
    return {
      title: `build-pack: ${fileCount} files of ${rounded(bytes / 1e6)} MB to an image in a registry, ${rounds} rounds`,
      rows: packers.map(({ name }, i): Row => rowOf(name, times[i] ?? [])),
      targets: [],
      remarks: packers.length > 1 ? [] : ["buildah is not installed: not compared"],
    };
  } finally {
    await registry.stop();
  }
}

function measure(work: () => void): number {
  const startMs = performance.now();
  work();
  return performance.now() - startMs;
}

function rowOf(packer: string, times: readonly number[]): Row {
  return { packer, "median ms": rounded(median(times)), "min–max": spread(times) };
}

function kelvin(workspace: string): Packer {
  return {
    name: "kelvin",
    pack(directory, image) {
      const flags = ["--workspace", workspace, "--directory", "app", "--base", "scratch", "--image", image];
      execFileSync(
        process.execPath,
        ["--conditions=@kelvin/source", "apps/build-steps/src/main.ts", "pack", ...flags],
        {
          env: { ...process.env, TERMINATION_LOG_PATH: join(dirname(directory), "../outcome") },
          stdio: ["ignore", "ignore", "inherit"],
        },
      );
    },
  };
}

function buildah(scratch: string): Packer[] {
  if (spawnSync("buildah", ["--version"]).error !== undefined) return [];
  const policy = join(scratch, "policy.json");
  writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const places = ["--root", join(scratch, "buildah"), "--runroot", join(scratch, "buildah-run")];
  const run = (...args: string[]): string =>
    execFileSync("buildah", [...places, "--storage-driver", "vfs", "--signature-policy", policy, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  return [
    {
      name: "buildah",
      pack(directory, image) {
        const container = run("from", "scratch");
        run("copy", container, directory, "/app");
        // Straight to the registry: by way of its own store it would pack twice.
        // Without the flag it would not compress.
        run(
          "commit",
          "--disable-compression=false",
          "--timestamp=0",
          "--tls-verify=false",
          "--rm",
          container,
          `docker://${image}`,
        );
      },
    },
  ];
}

/** The same files each time, that compress as sources do. Returns their bytes. */
function writeTree(directory: string): number {
  let seed = 1;
  const next = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  let bytes = 0;
  for (let i = 0; i < fileCount; i++) {
    const path = join(directory, `package-${i % 60}`, `module-${i % 7}`, `file-${i}.js`);
    if (!existsSync(dirname(path))) mkdirSync(dirname(path), { recursive: true });
    let text = "";
    for (let size = next(fileBytesMax); text.length < size;) text += `${words[next(words.length)]}${next(1000)} `;
    writeFileSync(path, text);
    bytes += text.length;
  }
  return bytes;
}
