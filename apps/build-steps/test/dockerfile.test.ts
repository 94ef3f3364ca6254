import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { chmod, cp, mkdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { findDockerRegistryProblem, openDockerRegistry } from "@kelvin/testkit/registry-server";
import type { DockerRegistry } from "@kelvin/testkit/registry-server";
import { useStepBench } from "./run-command.ts";

const problem = findBuildahProblem() ?? findDockerRegistryProblem();
const describeWithBuildah = problem === undefined ? describe : describe.skip;

function findBuildahProblem(): string | undefined {
  if (process.getuid?.() !== 0) return "building as an ordinary user needs ranges of ids";
  return spawnSync("buildah", ["--version"]).error === undefined
    ? undefined
    : "no buildah on PATH: install Debian's package buildah";
}

describeWithBuildah(`Dockerfiles${problem === undefined ? "" : ` (skipped: ${problem})`}`, () => {
  const bench = useStepBench();
  const root = mkdtempSync(join(tmpdir(), "kelvin-registry-"));
  let registry: DockerRegistry;
  beforeAll(async () => void (registry = await openDockerRegistry(join(root, "content"))));
  afterAll(async () => {
    await registry.close();
    await rm(root, { recursive: true });
  });
  beforeEach(async () => {
    await mkdir(bench.path("docker"));
    await mkdir(bench.path("workspace", "src"));
    await writeFile(bench.path("docker", "config.json"), registry.dockerConfig);
  });

  async function write(path: string, content: string): Promise<void> {
    await writeFile(bench.path("workspace", "src", path), content);
  }
  async function run(command: string, ...flags: string[]) {
    const argv = [command, "--workspace", bench.path("workspace"), ...flags];
    return await bench.run(argv, { DOCKER_CONFIG: bench.path("docker") });
  }
  const build = async (image: string, ...flags: string[]) =>
    await run("dockerfile", "--directory=src", `--image=${image}`, ...flags);

  test("is built, pushed with credentials, and its digest is the registry's", async () => {
    await write(
      "Dockerfile",
      "FROM scratch AS first\nARG TEXT=none\nCOPY x.txt /\nLABEL text=${TEXT}\nFROM scratch\nCOPY other /\n",
    );
    await write("x.txt", "x");
    await write("other", "other");
    const image = `${registry.host}/team/built:1`;
    const built = await build(image, "--build-arg=TEXT=given", "--build-arg=", "--target=first");
    expect(built.outcome.failure).toBeUndefined();
    expect(built.result("digest")).toMatch(/^sha256:[0-9a-f]{64}$/);
    const fetched = await run("fetch-image", `--image=${image}`, "--target=back");
    expect(fetched.result("digest")).toBe(built.result("digest"));
    expect(await readFile(bench.path("workspace", "back", "x.txt"), "utf8")).toBe("x");
    expect(
      (await build(`${registry.host}/team/built:2`, "--build-arg=TEXT=given", "--target=first")).result("digest"),
    ).toBe(built.result("digest"));
  }, 60_000);

  test("runs what RUN says, and tells which of them failed", async () => {
    await makeShellRoot(bench.path("workspace", "shell"));
    const base = `${registry.host}/base/shell:1`;
    expect((await run("pack", "--directory=shell", "--into=/", `--image=${base}`)).exitCode).toBe(0);
    await write("Dockerfile", `FROM ${base}\nRUN ["/bin/sh", "-c", "echo made > /made.txt"]\n`);
    const image = `${registry.host}/team/run:1`;
    const good = await build(image);
    expect(good.outcome.failure).toBeUndefined();
    await run("fetch-image", `--image=${image}`, "--target=back");
    expect(await readFile(bench.path("workspace", "back", "made.txt"), "utf8")).toBe("made\n");

    await write("Dockerfile", `FROM ${base}\nRUN ["/bin/sh", "-c", "echo about to fail; exit 7"]\n`);
    const bad = await build(image);
    expect(bad.outcome.failure?.reason).toBe("DockerfileFailed");
    expect(bad.outcome.failure?.message).toContain("RUN");
    expect(bad.lines.join("\n")).toContain("about to fail");
  }, 60_000);

  test("is not built again from the same files, options and bases, and is from others", async () => {
    const base = `${registry.host}/base/data:1`;
    await write("x.txt", "x");
    await run("pack", "--directory=src", "--into=/data", `--image=${base}`);
    await write("Dockerfile", `ARG A=1\nFROM ${base} AS first\nFROM scratch\nCOPY --from=first /data /data\n`);
    const record = `--record=${bench.path("home", "record.json")}`;
    const again = async (image: string, ...flags: string[]) => {
      const { lines, outcome, ...rest } = await build(`${registry.host}/team/${image}`, record, ...flags);
      expect(outcome.failure).toBeUndefined();
      return { isBuilt: lines.some((line) => line.startsWith("Building")), digest: rest.result("digest") };
    };
    const first = await again("skip:1");
    expect(first.isBuilt).toBe(true);
    expect(await again("skip:2")).toEqual({ isBuilt: false, digest: first.digest });
    const fetched = await run("fetch-image", `--image=${registry.host}/team/skip:2`, "--target=back");
    expect(fetched.result("digest")).toBe(first.digest);
    expect((await again("elsewhere:1")).isBuilt).toBe(true);
    expect((await again("skip:3", "--build-arg=A=2")).isBuilt).toBe(true);
    await write("x.txt", "changed");
    await run("pack", "--directory=src", "--into=/data", `--image=${base}`);
    await write("x.txt", "x");
    expect((await again("skip:4")).isBuilt).toBe(true);
    await write("x.txt", "changed");
    expect((await again("skip:5")).isBuilt).toBe(true);
    await chmod(bench.path("workspace", "src", "x.txt"), 0o755);
    expect((await again("skip:6")).isBuilt).toBe(true);
    await write(".dockerignore", "nothing");
    expect((await again("skip:7")).isBuilt).toBe(true);
  }, 120_000);

  test("with a registry that refuses", async () => {
    await write("Dockerfile", "FROM scratch\nCOPY Dockerfile /\n");
    await writeFile(bench.path("docker", "config.json"), '{"auths":{}}');
    const { outcome, lines } = await build(`${registry.host}/team/built:1`);
    expect(outcome.failure?.reason).toBe("CredentialsRefused");
    expect(lines.join("\n")).not.toContain("registry-pass");
  }, 60_000);

  test("on a base that is not there", async () => {
    await write("Dockerfile", `FROM ${registry.host}/none:1\n`);
    expect((await build(`${registry.host}/team/built:1`)).outcome.failure?.reason).toBe("ImageNotFound");
  }, 60_000);

  test("that is wrong, missing, or behind a link", async () => {
    const image = `${registry.host}/team/built:1`;
    expect((await build(image)).outcome.failure?.reason).toBe("DockerfileNotFound");
    await write("Dockerfile", "FORM scratch\n");
    expect((await build(image)).outcome.failure?.reason).toBe("DockerfileInvalid");
    await symlink("/etc/passwd", bench.path("workspace", "src", "linked"));
    expect((await build(image, "--file=linked")).outcome.failure?.reason).toBe("DockerfileNotFound");
    expect((await build(image, "--file=../x")).exitCode).toBe(2);
    expect((await build(image, "--target=--x")).exitCode).toBe(2);
  }, 60_000);

  /** dash and the libraries that it needs: a root in which RUN can run. */
  async function makeShellRoot(dir: string): Promise<void> {
    const libraries = execFileSync("ldd", ["/bin/dash"], { encoding: "utf8" }).match(/\/\S+/g) ?? [];
    for (const file of libraries) {
      await mkdir(join(dir, dirname(file)), { recursive: true });
      await cp(file, join(dir, file), { dereference: true });
    }
    await mkdir(join(dir, "bin"), { recursive: true });
    await cp("/bin/dash", join(dir, "bin", "sh"), { dereference: true });
  }
});

describe("without buildah", () => {
  const bench = useStepBench();
  test("what to do is said at once", async () => {
    await writeFile(bench.path("workspace", "Dockerfile"), "FROM scratch\n");
    const argv = ["dockerfile", "--workspace", bench.path("workspace"), "--image=127.0.0.1:1/x"];
    const { outcome } = await bench.run(argv, { PATH: "/nonexistent" });
    expect(outcome.failure).toMatchObject({
      reason: "ToolMissing",
      message: expect.stringContaining("install Debian's package buildah"),
    });
  });
});
