import { afterAll, beforeAll, expect, test } from "@jest/globals";
import {
  bombUrl,
  makeAccount,
  openRepository,
  privateRepository,
  refusingRegistry,
  worldManifests,
} from "./build-world.ts";
import { applyAll, makeBuild, nodeApp, shellStep, verdictOf, waitForEnd } from "./builds.ts";
import { describeHere, openCluster, type Cluster } from "./cluster.ts";
import { kubectlFor, type Kubectl } from "./kubectl.ts";

// What users do wrong with Builds: each is refused, or ends within seconds, and says what to change.

let cluster: Cluster;
let kubectl: Kubectl;

beforeAll(async () => {
  cluster = await openCluster();
  kubectl = kubectlFor(cluster);
  const registryPort = (cluster.own?.apiPort ?? 0) + 1;
  await applyAll(kubectl, ...worldManifests(registryPort));
  await applyAll(kubectl, ...makeAccount("mistaken", "wrong", `private.localhost:${registryPort}`));
  const limits = JSON.stringify({ data: { "source-bytes-max": "20Mi" } });
  await kubectl("patch", "configmap", "config-build", "-n", "knative-build", "--type=merge", "-p", limits);
  await kubectl("rollout", "status", "deployment/world", "deployment/private", "--timeout=60s");
}, 120_000);

afterAll(async () => {
  await cluster.close();
}, 30_000);

const git = (url: string, revision = "main"): object => ({
  source: { git: { url, revision } },
  steps: [shellStep("true")],
});
const app = { url: openRepository, revision: "main" };
const nodeTemplate = { kind: "ClusterBuildTemplate", name: "node-app" };
const scratch = { volumeMounts: [{ name: "scratch", mountPath: "/scratch" }] };
const fill = "head -c 40000000 /dev/zero > /scratch/zeros; exec sleep 1000";

interface Fault {
  readonly name: string;
  readonly spec: object;
  readonly reason: string;
  readonly message: RegExp;
}

const faults: Fault[] = [
  {
    name: "unreachable-git",
    spec: git("http://world.default.svc.cluster.local:9/app"),
    reason: "SourceUnreachable",
    message:
      /world\.default\.svc\.cluster\.local:9 cannot be reached .*; check the URL, the network and that the server is up/,
  },
  {
    name: "unknown-host",
    spec: git("http://nowhere.invalid/app"),
    reason: "SourceUnreachable",
    message: /nowhere\.invalid/,
  },
  {
    name: "no-credentials",
    spec: git(privateRepository),
    reason: "CredentialsRefused",
    message:
      /private\/app refuses these credentials; give the ServiceAccount a Secret with a build\.knative\.dev\/git-\* annotation/,
  },
  {
    name: "wrong-credentials",
    spec: { ...git(privateRepository), serviceAccountName: "mistaken" },
    reason: "CredentialsRefused",
    message:
      /private\/app refuses these credentials; give the ServiceAccount a Secret with a build\.knative\.dev\/git-\* annotation/,
  },
  {
    name: "unknown-revision",
    spec: git(openRepository, "no-such-branch"),
    reason: "RevisionNotFound",
    message: /no revision "no-such-branch"; give a branch, a tag, a commit/,
  },
  {
    name: "missing-account",
    spec: { ...git(openRepository), serviceAccountName: "nobody" },
    reason: "BuildValidationFailed",
    message: /serviceaccounts "nobody" not found/,
  },
  {
    name: "missing-template",
    spec: { template: { kind: "ClusterBuildTemplate", name: "no-such-template" } },
    reason: "BuildValidationFailed",
    message: /clusterbuildtemplates\.build\.knative\.dev "no-such-template" not found/,
  },
  {
    name: "missing-parameter",
    spec: { source: { git: app }, template: nodeTemplate },
    reason: "BuildValidationFailed",
    message: /does not specify these required parameters: \[\{IMAGE /,
  },
  {
    name: "archive-bomb",
    spec: { source: { archive: { url: bombUrl } }, steps: [shellStep("true")] },
    reason: "SourceTooLarge",
    message: /have source-bytes-max and source-files-max raised in the ConfigMap config-build/,
  },
  {
    name: "refusing-registry",
    spec: nodeApp(`${refusingRegistry}/team/app`, app, [{ name: "REGISTRY_PLAIN_HTTP", value: refusingRegistry }]),
    reason: "CredentialsRefused",
    message: /403 DENIED: this registry lets nobody push; use credentials that may do this/,
  },
  {
    name: "missing-image",
    spec: { steps: [{ image: "registry.localhost:5000/no/such:image" }] },
    reason: "StepImagePullFailed",
    message: /cannot pull its image "registry\.localhost:5000\/no\/such:image": .*no\/such/,
  },
  {
    name: "missing-directory",
    spec: { steps: [{ image: "dev.local/no-such-directory" }] },
    reason: "StepImagePullFailed",
    message: /no directory/,
  },
  {
    name: "full-volume",
    spec: {
      steps: [shellStep(fill, scratch)],
      volumes: [{ name: "scratch", emptyDir: { sizeLimit: "8Mi" } }],
    },
    reason: "PodEvicted",
    message: /Usage of EmptyDir volume "scratch" exceeds the limit "8Mi"/,
  },
  {
    name: "full-disk",
    spec: {
      steps: [
        shellStep("head -c 40000000 /dev/zero > /tmp/zeros; exec sleep 1000", {
          resources: { limits: { "ephemeral-storage": "8Mi" } },
        }),
      ],
    },
    reason: "PodEvicted",
    message: /build-step-unnamed-0 exceeded its local ephemeral storage limit "8Mi"/,
  },
  {
    name: "own-words",
    spec: { steps: [shellStep("echo no such customer > /dev/termination-log; exit 3")] },
    reason: "StepFailed",
    message: /exited with code 3 .*It said: no such customer$/,
  },
];

describeHere("what a user does wrong ends the Build within seconds, and its message says what to change", () => {
  beforeAll(async () => {
    await applyAll(kubectl, ...faults.map(({ name, spec }) => makeBuild(name, spec)));
  }, 60_000);

  test.each(faults)("$name", async ({ name, reason, message }) => {
    const build = await waitForEnd(kubectl, name);
    expect(verdictOf(build)).toEqual(
      expect.objectContaining({ status: "False", reason, message: expect.stringMatching(message) }),
    );
    expect(build.status?.completionTime).toBeDefined();
  });

  test.each([
    {
      name: "a timeout over 24 h",
      spec: { timeout: "36h", steps: [shellStep("true")] },
      cause: "expected 0 <= 36h0m0s <= 24: spec.timeout",
    },
    {
      name: "steps beside a template",
      spec: { template: nodeTemplate, steps: [shellStep("true")] },
      cause: "expected exactly one, got both: spec.steps, spec.template",
    },
    { name: "an unknown field", spec: { stepz: [] }, cause: 'unknown field "spec.stepz"' },
  ])("$name is refused at once", async ({ spec, cause }) => {
    const result = await kubectl.withInput(JSON.stringify(makeBuild("refused", spec)), "apply", "-f", "-");
    expect(result.code).not.toBe(0);
    expect(result.stderr).toContain(cause);
    expect((await kubectl.attempt("get", "build", "refused")).stderr).toContain("not found");
  });
});
