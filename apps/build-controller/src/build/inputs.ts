import {
  BuildTemplate,
  ClusterBuildTemplate,
  serviceAccountDefault,
  type Build,
  type BuildTemplateSpec,
} from "@kelvin/api/build/v1alpha1";
import { Secret, ServiceAccount, type KubeClient } from "@kelvin/kube";
import { findBuildFault, findSecretFault } from "./check-build.ts";

/** What a Build refers to, read when it starts. */
export interface BuildInputs {
  readonly template: BuildTemplateSpec | undefined;
  readonly secrets: readonly Secret[];
}

/** Why a Build cannot start. */
export interface BuildFault {
  readonly fault: string;
  /** Whether something is only missing: it may be on its way, as when both stand in one file. */
  readonly isMissing?: boolean;
}

/** Reads all that a Build refers to and checks it, in v0.7's order. */
export async function readInputs(build: Build, kube: Pick<KubeClient, "find">): Promise<BuildInputs | BuildFault> {
  const { namespace = "" } = build.metadata;
  const account = build.spec.serviceAccountName ?? serviceAccountDefault;
  const secrets = await readSecrets(kube, { namespace, account });
  if ("fault" in secrets) return secrets;
  const secretFault = findSecretFault(secrets);
  if (secretFault !== undefined) return { fault: secretFault };
  const template = await readTemplate(build, kube);
  if (template !== undefined && "fault" in template) return template;
  const fault = findBuildFault(build, template);
  return fault === undefined ? { template, secrets } : { fault };
}

/** The Secrets of a ServiceAccount, in its order. */
export async function readSecrets(
  kube: Pick<KubeClient, "find">,
  { namespace, account }: { readonly namespace: string; readonly account: string },
): Promise<Secret[] | BuildFault> {
  const found = await kube.find(ServiceAccount, { namespace, name: account });
  if (found === undefined) return { fault: `serviceaccounts "${account}" not found`, isMissing: true };
  const names = (found.secrets ?? []).flatMap(({ name = "" }) => (name === "" ? [] : [name]));
  const secrets = await Promise.all(names.map((name) => kube.find(Secret, { namespace, name })));
  const missing = secrets.indexOf(undefined);
  if (missing >= 0) return { fault: `secrets "${names[missing]}" not found`, isMissing: true };
  return secrets.filter((secret) => secret !== undefined);
}

async function readTemplate(
  { metadata: { namespace = "" }, spec }: Build,
  kube: Pick<KubeClient, "find">,
): Promise<BuildTemplateSpec | BuildFault | undefined> {
  if (spec.template === undefined) return undefined;
  const { name = "", kind = "BuildTemplate" } = spec.template;
  const found =
    kind === ClusterBuildTemplate.kind
      ? await kube.find(ClusterBuildTemplate, { name })
      : kind === BuildTemplate.kind
        ? await kube.find(BuildTemplate, { namespace, name })
        : { fault: `Incorrect Template Kind: ${kind}` };
  if (found === undefined) {
    const plural = kind === ClusterBuildTemplate.kind ? ClusterBuildTemplate.plural : BuildTemplate.plural;
    return { fault: `${plural}.build.knative.dev "${name}" not found`, isMissing: true };
  }
  return "fault" in found ? found : (found.spec ?? {});
}
