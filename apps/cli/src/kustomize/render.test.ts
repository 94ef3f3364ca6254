import { afterEach, beforeEach, describe, expect, test } from "@jest/globals";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parseAllDocuments } from "yaml";
import { repositoryRoot } from "../start/repository.ts";
import type { Manifest } from "./manifest.ts";
import { renderKustomization } from "./render.ts";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "kelvin-kustomize-"));
});
afterEach(() => {
  rmSync(root, { recursive: true, force: true });
});

function write(files: Record<string, string>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
}

const render = (files: Record<string, string>): Manifest[] => {
  write(files);
  return renderKustomization(root);
};

const deployment = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      volumes: [{name: v, emptyDir: {}}]
      containers:
        - {name: a, image: "example.com/a:1", env: [{name: X, value: "1"}], ports: [{containerPort: 80, name: http}]}
        - {name: b, image: "registry:5000/b@sha256:0"}
`;
const service = `
apiVersion: v1
kind: Service
metadata: {name: web, annotations: {gone: "1"}}
spec: {selector: {app: web}, ports: [{port: 80, name: http}]}
`;

const everything: Record<string, string> = {
  "base/kustomization.yaml": "resources: [deployment.yaml, service.yaml, namespace.yaml]\n",
  "base/deployment.yaml": deployment,
  "base/service.yaml": service,
  "base/namespace.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n",
  "part/kustomization.yaml": `
apiVersion: kustomize.config.k8s.io/v1alpha1
kind: Component
resources: [more.yaml]
labels: [{pairs: {seen: everywhere}}]
patches: [{path: strategy.yaml}]
`,
  "part/more.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: more}\n",
  "part/strategy.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {paused: true}\n",
  "kustomization.yaml": `
resources: [base]
components: [part]
namespace: shop
labels:
  - pairs: {team: blue}
  - pairs: {tier: front}
    includeSelectors: true
  - pairs: {seen: inside}
    includeTemplates: true
images:
  - {name: example.com/a, newName: dev.local/a, newTag: "2"}
  - {name: "registry:5000/b", newTag: "3"}
replicas: [{name: web, count: 3}]
patches:
  - path: memory.yaml
  - path: type.yaml
    target: {kind: Service, name: w.*}
  - patch: |
      - {op: remove, path: /metadata/annotations/gone}
      - {op: add, path: /spec/ports/-, value: {port: 81}}
    target: {version: v1, kind: Service}
`,
  "memory.yaml": `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      volumes: null
      containers:
        - name: a
          env: [{name: Y, value: "3"}, {name: X, value: "2"}]
          resources: {limits: {memory: 1Gi}}
        - {name: b, $patch: delete}
`,
  "type.yaml":
    "- {op: replace, path: /spec/selector/app, value: other}\n- {op: add, path: /spec/type, value: LoadBalancer}\n",
};

describe("renderKustomization", () => {
  test("applies components and patches, then names, labels, images and replicas", () => {
    const [web, gateway, namespace, more] = render(everything);
    expect(more?.metadata).toEqual({ name: "more", namespace: "shop", labels: expect.anything() });
    expect(web?.["spec"]).toHaveProperty("paused", true);
    expect(web).toMatchObject({
      metadata: { name: "web", namespace: "shop", labels: { team: "blue", tier: "front", seen: "inside" } },
      spec: {
        replicas: 3,
        selector: { matchLabels: { app: "web", tier: "front" } },
        template: {
          metadata: { labels: { app: "web", tier: "front", seen: "inside" } },
          spec: { containers: [{ name: "a", image: "dev.local/a:2", resources: { limits: { memory: "1Gi" } } }] },
        },
      },
    });
    expect(gateway).toMatchObject({
      metadata: { namespace: "shop" },
      spec: { type: "LoadBalancer", selector: { app: "other", tier: "front" }, ports: [{ port: 80 }, { port: 81 }] },
    });
    expect(namespace?.metadata.namespace).toBeUndefined();
  });

  test.each([
    [
      "an unknown field",
      { "kustomization.yaml": "configMapGenerator: []\n" },
      '"configMapGenerator" is not supported here',
    ],
    [
      "an unknown field of an entry",
      { "kustomization.yaml": "patches: [{options: {}}]\n" },
      '"options" is not supported',
    ],
    ["a missing file", { "kustomization.yaml": "resources: [nope.yaml]\n" }, "nope.yaml does not exist"],
    ["broken YAML", { "kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "a: [\n" }, "a.yaml"],
    [
      "a document without a kind",
      { "kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "a: 1\n" },
      "no apiVersion or no kind",
    ],
    [
      "the same object twice",
      { "kustomization.yaml": "resources: [a.yaml, b.yaml]\n", "a.yaml": service, "b.yaml": service },
      "comes twice",
    ],
    [
      "a patch for nobody",
      { "kustomization.yaml": "resources: []\npatches: [{path: a.yaml}]\n", "a.yaml": service },
      "there is no Service web to patch",
    ],
    [
      "a path that is not there",
      {
        "kustomization.yaml":
          "resources: [a.yaml]\npatches: [{patch: '[{op: remove, path: /spec/x}]', target: {kind: Service}}]\n",
        "a.yaml": service,
      },
      "/spec/x does not exist",
    ],
  ])("refuses %s", (_name, files, message) => {
    expect(() => render(files as Record<string, string>)).toThrow(new RegExp(message));
  });

  test("a kustomization within itself ends with an error", () => {
    write({ "sub/kustomization.yaml": "resources: [../sub]\n" });
    expect(() => renderKustomization(join(root, "sub"))).toThrow("a cycle?");
  });
});

const hasKubectl = spawnSync("kubectl", ["version", "--client"], { stdio: "ignore" }).status === 0;
const overlays = join(repositoryRoot, "deploy", "overlays");
const directories = existsSync(overlays) ? readdirSync(overlays).map((name) => join(overlays, name)) : [];

(hasKubectl ? describe : describe.skip)("renders as kubectl kustomize does", () => {
  const byName = (objects: readonly Manifest[]): Map<string, Manifest> =>
    new Map(
      objects.map((object) => [
        `${object.apiVersion} ${object.kind} ${object.metadata.namespace ?? ""}/${object.metadata.name}`,
        object,
      ]),
    );

  function renderWithKubectl(directory: string): Manifest[] {
    const { stdout, stderr, status } = spawnSync("kubectl", ["kustomize", directory], {
      encoding: "utf8",
      maxBuffer: 2 ** 26,
    });
    if (status !== 0) throw new Error(stderr);
    return parseAllDocuments(stdout).map((document): Manifest => document.toJS() as Manifest);
  }

  // Copies come from another realm than the test's, and strict equality looks at prototypes.
  const plain = (object: Manifest | undefined): unknown => JSON.parse(JSON.stringify(object ?? null));

  /** Names of objects that differ: printing two CRDs side by side would help nobody. */
  function differences(directory: string): string[] {
    const [ours, theirs] = [byName(renderKustomization(directory)), byName(renderWithKubectl(directory))];
    return [...new Set([...ours.keys(), ...theirs.keys()])].filter(
      (name) => !isDeepStrictEqual(plain(ours.get(name)), plain(theirs.get(name))),
    );
  }

  test("the kustomization of this test", () => {
    write(everything);
    expect(differences(root)).toEqual([]);
  }, 60_000);

  test.each(directories)(
    "%s",
    (directory) => {
      expect(differences(directory)).toEqual([]);
    },
    60_000,
  );
});
if (!hasKubectl) process.stderr.write("not compared with kubectl kustomize: there is no kubectl on PATH\n");
