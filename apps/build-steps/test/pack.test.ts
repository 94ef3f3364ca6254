import { mkdtempSync } from "node:fs";
import { chmod, mkdir, readFile, readdir, rm, stat, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { openContentStore, openRegistryClient, parseDockerConfig, parseImageReference, pullImage } from "@kelvin/oci";
import { findDockerRegistryProblem, openDockerRegistry } from "@kelvin/testkit/registry-server";
import type { DockerRegistry } from "@kelvin/testkit/registry-server";
import { useStepBench } from "./run-command.ts";

const problem = findDockerRegistryProblem();
const describeWithRegistry = problem === undefined ? describe : describe.skip;

describeWithRegistry(`images in a registry${problem === undefined ? "" : ` (skipped: ${problem})`}`, () => {
  const bench = useStepBench();
  const root = mkdtempSync(join(tmpdir(), "kelvin-registry-"));
  let registry: DockerRegistry;
  let other: DockerRegistry;
  beforeAll(async () => {
    registry = await openDockerRegistry(join(root, "one"));
    other = await openDockerRegistry(join(root, "two"));
  });
  afterAll(async () => {
    await registry.close();
    await other.close();
    await rm(root, { recursive: true });
  });
  beforeEach(async () => {
    await mkdir(bench.path("docker"));
    await login(registry.dockerConfig);
    await write("app/server.js", "console.log(1)");
    await write("app/lib/x.js", "x");
    await symlink("lib/x.js", bench.path("workspace", "app", "link.js"));
  });

  const login = async (config: string): Promise<void> => await writeFile(bench.path("docker", "config.json"), config);
  async function write(path: string, content: string): Promise<void> {
    await mkdir(join(bench.path("workspace", path), ".."), { recursive: true });
    await writeFile(bench.path("workspace", path), content);
  }
  async function pack(image: string, ...flags: string[]) {
    const places = ["--workspace", bench.path("workspace"), "--directory=app"];
    return await bench.run(["pack", ...places, `--image=${image}`, ...flags], { DOCKER_CONFIG: bench.path("docker") });
  }
  async function pull(image: string) {
    const client = openRegistryClient({ credentials: parseDockerConfig(registry.dockerConfig) });
    const store = openContentStore(bench.path("content"));
    try {
      return await pullImage(client, parseImageReference(image), { store, signal: new AbortController().signal });
    } finally {
      client.close();
    }
  }
  async function fetchImage(image: string, target: string) {
    const flags = ["--workspace", bench.path("workspace"), `--image=${image}`, `--target=${target}`];
    return await bench.run(["fetch-image", ...flags], { DOCKER_CONFIG: bench.path("docker") });
  }

  test("from scratch, with everything that says how it runs, and back into a workspace", async () => {
    const image = `${registry.host}/team/app:1`;
    const run = await pack(
      image,
      '--entrypoint=["node","server.js"]',
      '--cmd=["--port","8080"]',
      "--env=A=1",
      "--env=B=x=y",
      "--user=1000:1000",
      "--port=8080",
      "--label=team=a",
      "--into=/srv/app",
    );
    const digest = run.result("digest");
    expect(run.outcome.failure).toBeUndefined();
    expect(run.result("image")).toBe(image);
    expect(run.lines.at(-1)).toBe(`Pushed ${image}@${digest}`);
    const pulled = await pull(`${registry.host}/team/app@${digest}`);
    expect(pulled.config.config).toEqual({
      Entrypoint: ["node", "server.js"],
      Cmd: ["--port", "8080"],
      Env: ["A=1", "B=x=y"],
      User: "1000:1000",
      WorkingDir: "/srv/app",
      ExposedPorts: { "8080/tcp": {} },
      Labels: { team: "a" },
    });
    const fetched = await fetchImage(image, "back");
    expect(fetched.result("digest")).toBe(digest);
    expect(await readFile(bench.path("workspace", "back", "srv", "app", "link.js"), "utf8")).toBe("x");
  });

  test("the same directory is the same image, whenever it is packed", async () => {
    const first = await pack(`${registry.host}/team/same:1`);
    await utimes(bench.path("workspace", "app", "server.js"), 1, 1);
    await chmod(bench.path("workspace", "app", "server.js"), 0o600);
    const second = await pack(`${registry.host}/team/same:2`);
    expect(second.result("digest")).toBe(first.result("digest"));
    expect(second.lines.filter((line) => line.endsWith("already there")).length).toBe(2);
    await write("app/server.js", "console.log(2)");
    expect((await pack(`${registry.host}/team/same:1`)).result("digest")).not.toBe(first.result("digest"));
  });

  test("on a base image, of this registry and of another", async () => {
    const base = `${registry.host}/base/runtime:1`;
    await pack(base, '--entrypoint=["node"]', '--cmd=["x"]', "--env=A=base", "--env=C=base", "--into=/runtime");
    const onTop = await pack(
      `${registry.host}/team/on-top`,
      `--base=${base}`,
      "--env=A=top",
      '--entrypoint=["node","server.js"]',
    );
    expect(onTop.lines.join("\n")).toContain(": mounted");
    const pulled = await pull(`${registry.host}/team/on-top`);
    expect(pulled.manifest.layers.length).toBe(2);
    expect(pulled.config.config).toEqual({
      Entrypoint: ["node", "server.js"],
      Env: ["A=top", "C=base"],
      WorkingDir: "/app",
    });
    expect(pulled.manifest.annotations?.["org.opencontainers.image.base.name"]).toBe(base);
    const both = JSON.parse(registry.dockerConfig) as { auths: object };
    await login(JSON.stringify({ auths: { ...both.auths, ...(JSON.parse(other.dockerConfig) as typeof both).auths } }));
    const moved = await pack(
      `${other.host}/team/moved`,
      `--base=${base}`,
      "--env=A=top",
      '--entrypoint=["node","server.js"]',
    );
    expect(moved.result("digest")).toBe(onTop.result("digest"));
  });

  test("without what .dockerignore and flags leave out, and never with .git", async () => {
    await write("app/.git/config", "secret");
    await write("app/.dockerignore", "# a comment\n*.md\nnode_modules\n!node_modules/kept\n!README.md\n");
    for (const file of ["a.md", "README.md", "node_modules/x/index.js", "node_modules/kept/index.js", "tmp/x"]) {
      await write(`app/${file}`, "x");
    }
    await pack(`${registry.host}/team/ignored`, "--exclude=tmp", "--exclude=lib");
    await fetchImage(`${registry.host}/team/ignored`, "back");
    const files = (await readdir(bench.path("workspace", "back", "app"), { recursive: true })).toSorted();
    expect(files).toEqual([
      ".dockerignore",
      "README.md",
      "link.js",
      "node_modules",
      "node_modules/kept",
      "node_modules/kept/index.js",
      "server.js",
    ]);
    expect((await stat(bench.path("workspace", "back", "app", "README.md"))).isFile()).toBe(true);
  });

  test("with only what .dockerignore takes back: a star fits hidden files too", async () => {
    await write("app/.dockerignore", "*\n!server.js\n");
    await write("app/.env", "secret");
    await pack(`${registry.host}/team/only`);
    await fetchImage(`${registry.host}/team/only`, "back");
    expect(await readdir(bench.path("workspace", "back", "app"))).toEqual(["server.js"]);
  });

  test.each([
    ["no credentials", async () => await login("{}"), "CredentialsRefused"],
    [
      "a wrong password",
      async () => await login(registry.dockerConfig.replaceAll(/"(auth|password)":"[^"]*"/g, '"$1":"wrong-word"')),
      "CredentialsRefused",
    ],
  ])("%s: refused, with what to change", async (_, prepare, reason) => {
    await prepare();
    const run = await pack(`${registry.host}/team/app:1`);
    expect(run.outcome.failure?.reason).toBe(reason);
    expect(run.outcome.failure?.message).toContain("credentials");
  });

  test.each([
    [
      "a base image that is not there",
      () => [`${registry.host}/a:1`, `--base=${registry.host}/none:1`],
      "ImageNotFound",
    ],
    ["a name that is none", () => ["UPPER/x:y:z"], "ImageNameInvalid"],
    ["a directory that is not there", () => [`${registry.host}/a:1`, "--base=scratch", "--env=A=1"], "PathNotFound"],
  ])("%s", async (_, args, reason) => {
    if (reason === "PathNotFound") await rm(bench.path("workspace", "app"), { recursive: true });
    const [image = "", ...flags] = args();
    expect((await pack(image, ...flags)).outcome.failure?.reason).toBe(reason);
  });

  test("a directory behind a link is not packed", async () => {
    await rm(bench.path("workspace", "app"), { recursive: true });
    await symlink("/etc", bench.path("workspace", "app"));
    expect((await pack(`${registry.host}/a:1`)).outcome.failure?.reason).toBe("PathUnsafe");
  });

  test.each([
    "--entrypoint=node server.js",
    '--entrypoint=["node",1]',
    "--env=NOVALUE",
    "--port=0",
    "--user=a b",
    "--into=app",
    "--working-dir=app",
  ])("%s is a wrong call", async (flag) => expect((await pack(`${registry.host}/a:1`, flag)).exitCode).toBe(2));

  test("a registry that is not there is told as such", async () => {
    const { outcome } = await pack("127.0.0.1:1/a:1");
    expect(outcome.failure?.reason).toBe("RegistryUnreachable");
  });
});
