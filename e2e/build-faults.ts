import { bombUrl, openRepository, privateRepository, refusingRegistry } from "./build-world.ts";
import { nodeApp, shellStep } from "./builds.ts";

// What users do wrong with Builds: each is refused, or ends within seconds, and says what to change.

const git = (url: string, revision = "main"): object => ({
  source: { git: { url, revision } },
  steps: [shellStep("true")],
});
const app = { url: openRepository, revision: "main" };
const nodeTemplate = { kind: "ClusterBuildTemplate", name: "node-app" };
const scratch = { volumeMounts: [{ name: "scratch", mountPath: "/scratch" }] };
const fill = "head -c 40000000 /dev/zero > /scratch/zeros; exec sleep 1000";

/** A Build that ends in vain. */
export interface Fault {
  readonly name: string;
  readonly spec: object;
  readonly reason: string;
  readonly message: RegExp;
}

/** Those that end. `mistaken` is a ServiceAccount with a wrong password. */
export const faults: readonly Fault[] = [
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

/** Those that are refused. */
export const refusals: readonly { readonly name: string; readonly spec: object; readonly cause: string }[] = [
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
];
