import { describe, expect, test } from "@jest/globals";
import { parseBuildConfig, type BuildSpec, type Step } from "@kelvin/api/build/v1alpha1";
import type { Secret } from "@kelvin/kube";
import { secret, withAnnotations } from "@kelvin/testkit";
import { build, config, madePod, steps } from "../../../test/builders.ts";
import type { PodIngredients } from "./pod.ts";
import { planOf } from "./plan.ts";

const git = { url: "https://example.com/a.git", revision: "master" };

function initContainers(spec: BuildSpec, ingredients: Partial<PodIngredients> = {}) {
  return madePod(build("b", spec), ingredients).spec?.initContainers ?? [];
}

function names(spec: BuildSpec): string[] {
  return initContainers(spec).map(({ name }) => name);
}

function step(given: Partial<Step>, more: Partial<BuildSpec> = {}) {
  return initContainers({ steps: [{ image: "i", ...given }], ...more }).at(-1);
}

describe("the Pod", () => {
  const pod = madePod(
    build("b", { steps, serviceAccountName: "builder", nodeSelector: { disk: "ssd" }, affinity: { nodeAffinity: {} } }),
  );

  test("is named, owned and run by whom the Build says", () => {
    expect(pod.metadata).toMatchObject({
      name: "b-pod-000001",
      namespace: "default",
      labels: { "build.knative.dev/buildName": "b" },
      annotations: { "sidecar.istio.io/inject": "false", "build.knative.dev/attempt": "1" },
      ownerReferences: [{ kind: "Build", name: "b", uid: "uid-build-b", controller: true, blockOwnerDeletion: true }],
    });
    expect(pod.spec).toMatchObject({
      restartPolicy: "Never",
      serviceAccountName: "builder",
      automountServiceAccountToken: false,
      nodeSelector: { disk: "ssd" },
      affinity: { nodeAffinity: {} },
      securityContext: { fsGroup: 65532 },
      containers: [
        { name: "nop", image: "build-steps", args: ["nop"], securityContext: { allowPrivilegeEscalation: false } },
      ],
    });
  });

  test("has one regular container, so that it asks for the largest step and not for the sum", () => {
    expect(pod.spec?.containers).toHaveLength(1);
    expect(pod.spec?.initContainers).toHaveLength(3);
  });

  test("copies labels and annotations, but none that speak to the cluster", () => {
    const labelled = build("b", { steps }, ({ metadata }) => {
      metadata.labels = { app: "mine", "build.knative.dev/buildName": "other", "networking.istio.io/x": "y" };
      metadata.annotations = {
        note: "mine",
        "sidecar.istio.io/inject": "true",
        "kubectl.kubernetes.io/last-applied-configuration": "{}",
        "container.apparmor.security.beta.kubernetes.io/nop": "unconfined",
        "linkerd.io/inject": "enabled",
        "build.knative.dev/plan": "{}",
      };
    });
    const { labels, annotations } = madePod(labelled).metadata;
    expect(labels).toEqual({ app: "mine", "build.knative.dev/buildName": "b" });
    expect(Object.keys(annotations ?? {}).toSorted()).toEqual([
      "build.knative.dev/attempt",
      "build.knative.dev/plan",
      "note",
      "sidecar.istio.io/inject",
    ]);
    expect(annotations?.["sidecar.istio.io/inject"]).toBe("false");
    expect(annotations?.["build.knative.dev/plan"]).not.toBe("{}");
  });

  test("mounts the ServiceAccount's token only where that is asked for", () => {
    const asking = build("b", { steps }, ({ metadata }) => {
      metadata.annotations = { "build.knative.dev/service-account-token": "true" };
    });
    expect(madePod(asking).spec?.automountServiceAccountToken).toBe(true);
  });
});

describe("names and order", () => {
  test.each<[string, BuildSpec, string[]]>([
    [
      "named and unnamed steps",
      { steps: [{ name: "a", image: "i" }, { image: "i" }] },
      ["build-step-a", "build-step-unnamed-1"],
    ],
    ["source", { steps: [{ image: "i" }], source: { git } }, ["build-step-git-source-0", "build-step-unnamed-0"]],
    [
      "a source by its name",
      { steps: [{ image: "i" }], source: { name: "s", git } },
      ["build-step-git-source-s", "build-step-unnamed-0"],
    ],
    [
      "sources, the custom ones last and counted among the steps",
      {
        steps: [{ image: "i" }],
        sources: [
          { custom: { image: "c" } },
          { name: "g", gcs: { location: "gs://b/o" }, targetPath: "x" },
          { name: "d", custom: { image: "c" } },
          { name: "h", archive: { url: "https://x/y.zip" }, targetPath: "y" },
          { name: "i", image: { reference: "z" }, targetPath: "z" },
        ],
      },
      [
        "build-step-gcs-source-g",
        "build-step-archive-source-h",
        "build-step-image-source-i",
        "build-step-custom-source",
        "build-step-custom-source-d",
        "build-step-unnamed-2",
      ],
    ],
    ["a source of no kind is passed over", { steps: [{ image: "i" }], source: {} }, ["build-step-unnamed-0"]],
  ])("%s", (_, spec, want) => {
    expect(names(spec)).toEqual(["build-step-credential-initializer", ...want]);
  });
});

describe("what fetches sources", () => {
  test("git", () => {
    const [, source] = initContainers({
      steps,
      sources: [{ name: "s", git: { ...git, depth: 5, submodules: true }, targetPath: "/a/b", subPath: "c" }],
    });
    expect(source).toMatchObject({
      image: "build-steps",
      args: [
        "fetch-git",
        "--url=https://example.com/a.git",
        "--revision=master",
        "--depth=5",
        "--submodules",
        "--name=s",
        "--sub-path=c",
        "--target=/workspace/a/b",
        "--max-bytes=4294967296",
        "--max-files=500000",
      ],
      env: [
        { name: "HOME", value: "/builder/home" },
        { name: "GIT_CONFIG_GLOBAL", value: "/builder/credentials/git/.gitconfig" },
      ],
      volumeMounts: [
        { name: "workspace", mountPath: "/workspace" },
        { name: "home", mountPath: "/builder/home" },
        { name: "credentials-git", mountPath: "/builder/credentials/git" },
      ],
    });
  });

  test.each<[string, BuildSpec["source"], string[]]>([
    [
      "gcs",
      { gcs: { location: "gs://b/o#1" } },
      [
        "fetch-archive",
        "--url=gs://b/o#1",
        "--type=Archive",
        "--endpoint=https://storage.googleapis.com",
        "--name=0",
        "--target=/workspace",
      ],
    ],
    [
      "archive",
      { archive: { url: "https://x/y.zip", sha256: "1" } },
      ["fetch-archive", "--url=https://x/y.zip", "--sha256=1", "--name=0", "--target=/workspace"],
    ],
    [
      "image",
      { image: { reference: "x/y" }, targetPath: "z" },
      ["fetch-image", "--image=x/y", "--name=0", "--target=/workspace/z"],
    ],
  ])("%s", (_, source = {}, want) => {
    const container = initContainers({ steps, source })[1];
    expect(container?.args?.slice(0, want.length)).toEqual(want);
  });

  test("an image is fetched with registry credentials, an archive with none", () => {
    const mounts = (source: BuildSpec["source"] = {}) =>
      initContainers({ steps, source })[1]?.volumeMounts?.map(({ name }) => name);
    expect(mounts({ image: { reference: "x" } })).toEqual(["workspace", "home", "credentials-docker"]);
    expect(mounts({ archive: { url: "https://x" } })).toEqual(["workspace", "home"]);
  });
});

describe("a step", () => {
  test("starts in the workspace with a home of its own choice", () => {
    expect(
      step({
        env: [
          { name: "HOME", value: "/mine" },
          { name: "A", value: "1" },
        ],
      }),
    ).toMatchObject({
      workingDir: "/workspace",
      env: [
        { name: "HOME", value: "/builder/home" },
        { name: "DOCKER_CONFIG", value: "/builder/home/.docker" },
        { name: "HOME", value: "/mine" },
        { name: "A", value: "1" },
      ],
    });
  });

  test.each([
    ["src", "/workspace/src"],
    ["/src", "/src"],
    ["", "/workspace"],
  ])("in %s starts in %s", (workingDir, want) => {
    expect(step({ workingDir })?.workingDir).toBe(want);
  });

  test("keeps its own mounts, before those that all have, unless they are at the same place", () => {
    const own = [
      { name: "v", mountPath: "/v" },
      { name: "w", mountPath: "/workspace/" },
    ];
    expect(step({ volumeMounts: own })?.volumeMounts).toEqual([
      ...own,
      { name: "home", mountPath: "/builder/home" },
      { name: "credentials-docker", mountPath: "/builder/home/.docker" },
    ]);
  });

  test("passes on what nobody here looks into", () => {
    const securityContext = { runAsUser: 1000 };
    const envFrom = [{ secretRef: { name: "s" } }];
    expect(step({ securityContext, envFrom, imagePullPolicy: "Always" })).toMatchObject({
      securityContext,
      envFrom,
      imagePullPolicy: "Always",
    });
    expect(step({ cache: { key: ["a"], paths: ["b"] } })).not.toHaveProperty("cache");
  });

  test("sees the one subPath that there is, and sources do not", () => {
    const [, first, second, custom, own] = initContainers({
      steps: [{ image: "i" }],
      sources: [
        { name: "a", git, subPath: "sub" },
        { name: "b", git, targetPath: "x" },
        { name: "c", custom: { image: "c" } },
      ],
    });
    const subPaths = [first, second, custom, own].map((one) => one?.volumeMounts?.[0]?.subPath);
    expect(subPaths).toEqual([undefined, undefined, "sub", "sub"]);
  });
});

describe("credentials", () => {
  const docker = { name: "credentials-docker", mountPath: "/kaniko/.docker" };
  const gitMount = { name: "credentials-git", mountPath: "/builder/credentials/git" };
  const mountsOf = (given: readonly Partial<Step>[]) =>
    initContainers({ steps: given.map((one) => ({ image: "i", ...one })) })
      .slice(1)
      .map(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name).filter((name) => name.startsWith("cred")));

  test.each<[string, Partial<Step>[], string[][]]>([
    ["nobody asks: all steps get those of registries", [{}, {}], [["credentials-docker"], ["credentials-docker"]]],
    ["one asks: only it", [{}, { volumeMounts: [docker] }], [[], ["credentials-docker"]]],
    [
      "one asks for git: nobody gets those of registries",
      [{}, { volumeMounts: [gitMount] }],
      [[], ["credentials-git"]],
    ],
  ])("%s", (_, given, want) => {
    expect(mountsOf(given)).toEqual(want);
  });

  test("programs are told where they are", () => {
    expect(step({ volumeMounts: [docker, gitMount] })?.env).toEqual([
      { name: "HOME", value: "/builder/home" },
      { name: "DOCKER_CONFIG", value: "/kaniko/.docker" },
      { name: "GIT_CONFIG_GLOBAL", value: "/builder/credentials/git/.gitconfig" },
    ]);
  });

  test("a custom source has both", () => {
    const mounts = initContainers({ steps, source: { custom: { image: "c" } } })[1]?.volumeMounts;
    expect(mounts?.map(({ name }) => name)).toEqual(["workspace", "home", "credentials-docker", "credentials-git"]);
  });

  const typed = (name: string, type: string, annotations: Record<string, string> = {}): Secret =>
    secret(name, {}, withAnnotations(annotations), (object) => {
      object.type = type;
    });
  const secrets = [
    typed("basic", "kubernetes.io/basic-auth", {
      "build.knative.dev/docker-1": "https://b",
      "build.knative.dev/docker-0": "https://c",
      "build.knative.dev/docker-2": "https://a",
      "build.knative.dev/git-0": "https://github.com",
      other: "x",
    }),
    typed("ssh", "kubernetes.io/ssh-auth", {
      "build.knative.dev/git-0": "github.com:22",
      "build.knative.dev/docker-0": "x",
    }),
    typed("dcj", "kubernetes.io/dockerconfigjson"),
    typed("dc", "kubernetes.io/dockercfg"),
    typed("opaque", "Opaque", { "build.knative.dev/docker-0": "x" }),
    typed("plain", "kubernetes.io/basic-auth"),
  ];

  test("are made of the ServiceAccount's Secrets, in their order, docker before git, by value", () => {
    const [initializer] = initContainers({ steps }, { secrets });
    expect(initializer?.args).toEqual([
      "credentials",
      "--secrets-dir=/var/build-secrets",
      "--docker-dir=/builder/credentials/docker",
      "--git-dir=/builder/credentials/git",
      "-basic-docker=basic=https://a",
      "-basic-docker=basic=https://b",
      "-basic-docker=basic=https://c",
      "-basic-git=basic=https://github.com",
      "-ssh-git=ssh=github.com:22",
      "-docker-config=dcj",
      "-docker-cfg=dc",
    ]);
  });

  test("only the initializer sees Secrets, and only those that match; what it makes is kept in memory", () => {
    const pod = madePod(build("b", { steps }), { secrets });
    const withSecrets = (pod.spec?.initContainers ?? []).filter(({ volumeMounts = [] }) =>
      volumeMounts.some(({ name }) => name.startsWith("secret-volume-")),
    );
    expect(withSecrets.map(({ name }) => name)).toEqual(["build-step-credential-initializer"]);
    expect(withSecrets[0]?.volumeMounts?.slice(-1)).toEqual([
      { name: "secret-volume-dc", mountPath: "/var/build-secrets/dc", readOnly: true },
    ]);
    expect(pod.spec?.volumes).toEqual([
      { name: "workspace", emptyDir: {} },
      { name: "home", emptyDir: {} },
      { name: "credentials-docker", emptyDir: { medium: "Memory" } },
      { name: "credentials-git", emptyDir: { medium: "Memory" } },
      ...["basic", "ssh", "dcj", "dc"].map((name) => ({ name: `secret-volume-${name}`, secret: { secretName: name } })),
    ]);
  });
});

describe("a step with a cache", () => {
  const cached = { steps: [{ name: "a", image: "i", cache: { key: ["package-lock.json"], paths: ["node_modules"] } }] };
  const keeping = parseBuildConfig({ "steps-image": "build-steps", "cache-host-path": "/var/cache" });
  const around = (revision: string) =>
    initContainers({ ...cached, source: { git: { ...git, revision } } }, { config: keeping }).slice(2);

  test("stands between restore and save, which alone see the store", () => {
    const [restore, own, save] = around("master");
    expect([restore?.name, own?.name, save?.name]).toEqual(["cache-restore-a", "build-step-a", "cache-save-a"]);
    expect(restore?.args).toEqual([
      "cache-restore",
      expect.stringMatching(/^--scope=default\/[0-9a-f]{32}$/),
      "--branch=master",
      "--key=package-lock.json",
      "--path=node_modules",
      "--dir=/builder/cache",
    ]);
    expect(own?.volumeMounts?.map(({ name }) => name)).not.toContain("step-cache");
    expect(save?.args?.slice(1)).toEqual(restore?.args?.slice(1));
  });

  test.each(["refs/pull/7/head", "pull/7/merge", "merge-requests/1/head"])(
    "of %s reads and never writes",
    (revision) => {
      expect(around(revision).map(({ name }) => name)).toEqual(["cache-restore-a", "build-step-a"]);
    },
  );

  test("shares it with no other namespace, ServiceAccount, source or step", () => {
    const scope = (spec: Partial<BuildSpec>, namespace = "default") => {
      const object = build("b", { ...cached, source: { git }, ...spec });
      object.metadata.namespace = namespace;
      const containers = madePod(object, { config: keeping }).spec?.initContainers ?? [];
      return containers.find(({ args }) => args?.[0] === "cache-restore")?.args?.[1];
    };
    const other = { ...cached.steps[0]!, name: "b" };
    const scopes = [
      scope({}),
      scope({ serviceAccountName: "x" }),
      scope({ source: { git: { ...git, url: "https://example.com/b.git" } } }),
      scope({ steps: [other] }),
      scope({}, "elsewhere"),
    ];
    expect(new Set(scopes).size).toBe(5);
    expect(scope({ source: { git: { ...git, revision: "other" } } })).toBe(scopes[0]);
  });

  test("runs without where nobody keeps caches, and says so", () => {
    expect(initContainers(cached, { config }).map(({ name }) => name)).toEqual([
      "build-step-credential-initializer",
      "build-step-a",
    ]);
    expect(planOf(madePod(build("b", cached))).steps).toEqual([
      { name: "a", container: "build-step-a", hasNoCacheStore: true },
    ]);
  });
});
