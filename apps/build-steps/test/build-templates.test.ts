import { mkdtempSync, readFileSync } from "node:fs";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "@jest/globals";
import { resolveBuild, validateBuildTemplate, validateStepDetails } from "@kelvin/api/build/v1alpha1";
import type { ClusterBuildTemplate } from "@kelvin/api/build/v1alpha1";
import { openContentStore, openRegistryClient, parseDockerConfig, parseImageReference, pullImage } from "@kelvin/oci";
import { findDockerRegistryProblem, openDockerRegistry } from "@kelvin/testkit/registry-server";
import type { DockerRegistry } from "@kelvin/testkit/registry-server";
import { parse } from "yaml";
import { useStepBench } from "./run-command.ts";

const folder = fileURLToPath(new URL("../../../deploy/base/build-templates/", import.meta.url));
const names = (parse(readFileSync(join(folder, "kustomization.yaml"), "utf8")) as { resources: string[] }).resources;
const load = (file: string): ClusterBuildTemplate =>
  parse(readFileSync(join(folder, file), "utf8")) as ClusterBuildTemplate;

describe.each(names)("%s", (file) => {
  const template = load(file);

  test("is good, and describes each parameter", () => {
    expect(validateBuildTemplate(template)).toEqual([]);
    expect(`${template.metadata.name}.yaml`).toBe(file);
    const parameters = template.spec.parameters ?? [];
    expect(parameters.filter(({ description = "" }) => !description.endsWith("."))).toEqual([]);
    expect(parameters.filter((parameter) => parameter.default === undefined).map(({ name }) => name)).toEqual([
      "IMAGE",
    ]);
  });

  test("leaves no hole when it is filled in, and asks for credentials only where it pushes", () => {
    const image = "registry.localhost:5000/team/app";
    const spec = { template: { name: "t", arguments: [{ name: "IMAGE", value: image }] } };
    const { steps, image: declared } = resolveBuild(spec, template.spec);
    expect(declared).toBe(image);
    expect(validateStepDetails(steps)).toEqual([]);
    expect(JSON.stringify(steps)).not.toContain("${");
    for (const step of steps) {
      const pushes = step.args?.includes(`--image=${image}`) === true;
      const asks = step.volumeMounts?.some(({ name }) => name === "credentials-docker") === true;
      expect([step.name, asks]).toEqual([step.name, pushes]);
    }
  });
});

const problem = findDockerRegistryProblem();
const describeWithRegistry = problem === undefined ? describe : describe.skip;

describeWithRegistry(`steps of templates${problem === undefined ? "" : ` (skipped: ${problem})`}`, () => {
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
    await mkdir(bench.path("workspace", "base", "bin"), { recursive: true });
    await writeFile(bench.path("docker", "config.json"), registry.dockerConfig);
    await writeFile(bench.path("workspace", "base", "bin", "node"), "not really", { mode: 0o755 });
    await run("pack", `--image=${registry.host}/kelvin/node:24`, "--directory=base", "--into=/", "--env=PATH=/bin");
    await rm(bench.path("workspace", "base"), { recursive: true });
  });

  const run = async (...argv: string[]) =>
    await bench.run([...argv, "--workspace", bench.path("workspace")], { DOCKER_CONFIG: bench.path("docker") });

  /** Runs the steps one after the other, as a Pod would; returns the image's configuration. */
  async function build(file: string, values: Record<string, string>) {
    const image = `${registry.host}/team/built:1`;
    const all = { IMAGE: image, BASE: `${registry.host}/kelvin/node:24`, ...values };
    const instantiation = { name: "t", arguments: Object.entries(all).map(([name, value]) => ({ name, value })) };
    let digest: string | undefined;
    for (const step of resolveBuild({ template: instantiation }, load(file).spec).steps) {
      const { outcome } = await run(...(step.args ?? []));
      expect(outcome.failure).toBeUndefined();
      digest = outcome.results.find(({ name }) => name === "digest")?.value ?? digest;
    }
    const client = openRegistryClient({ credentials: parseDockerConfig(registry.dockerConfig) });
    const reference = parseImageReference(`${registry.host}/team/built@${digest}`);
    const store = openContentStore(bench.path("content"));
    const { config } = await pullImage(client, reference, { store, signal: new AbortController().signal });
    client.close();
    expect((await run("fetch-image", `--image=${image}`, "--target=built")).exitCode).toBe(0);
    return config.config;
  }

  test("node-app: the application on Node.js", async () => {
    await mkdir(bench.path("workspace", "web"));
    await writeFile(bench.path("workspace", "web", "package.json"), '{"main":"server.js"}');
    await writeFile(bench.path("workspace", "web", "server.js"), "console.log(1)");
    expect(await build("node-app.yaml", { DIRECTORY: "web" })).toEqual({
      Entrypoint: ["node", "."],
      Env: ["PATH=/bin", "NODE_ENV=production"],
      ExposedPorts: { "8080/tcp": {} },
      User: "1000",
      WorkingDir: "/app",
    });
    expect(await readFile(bench.path("workspace", "built", "app", "server.js"), "utf8")).toBe("console.log(1)");
    expect((await stat(bench.path("workspace", "built", "bin", "node"))).mode & 0o111).toBe(0o111);
  });

  test("static-site: the files and their server", async () => {
    await writeFile(bench.path("workspace", "index.html"), "<h1>home</h1>");
    expect(await build("static-site.yaml", { FALLBACK: "index.html" })).toMatchObject({
      Entrypoint: ["node", "/kelvin/static-server.mjs"],
      Env: ["PATH=/bin", "STATIC_DIR=/app", "STATIC_FALLBACK=index.html"],
    });
    expect(await readFile(bench.path("workspace", "built", "app", "index.html"), "utf8")).toBe("<h1>home</h1>");
    const server = await readFile(bench.path("workspace", "built", "kelvin", "static-server.mjs"), "utf8");
    expect(server).toContain("createServer");
  });
});
