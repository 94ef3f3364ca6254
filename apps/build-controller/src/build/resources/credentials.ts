import { buildAnnotations, buildPaths, buildVolumes } from "@kelvin/api/build/v1alpha1";
import type { Secret } from "@kelvin/kube";
import { secretVolumeName } from "./names.ts";
import type { Mount, Volume } from "./pod-types.ts";

/** The arguments of the credential initializer that speak of Secrets, in v0.7's order. */
export function credentialArgs(secrets: readonly Secret[]): string[] {
  return secrets.flatMap((secret) => [...dockerArgs(secret), ...gitArgs(secret)]);
}

function dockerArgs(secret: Secret): string[] {
  const name = secret.metadata.name ?? "";
  switch (secret.type) {
    case "kubernetes.io/basic-auth":
      return annotated(secret, buildAnnotations.dockerPrefix).map((url) => `-basic-docker=${name}=${url}`);
    case "kubernetes.io/dockerconfigjson":
      return [`-docker-config=${name}`];
    case "kubernetes.io/dockercfg":
      return [`-docker-cfg=${name}`];
    default:
      return [];
  }
}

function gitArgs(secret: Secret): string[] {
  const flags: Record<string, string> = {
    "kubernetes.io/basic-auth": "-basic-git",
    "kubernetes.io/ssh-auth": "-ssh-git",
  };
  const flag = flags[secret.type ?? ""];
  const name = secret.metadata.name ?? "";
  return flag === undefined
    ? []
    : annotated(secret, buildAnnotations.gitPrefix).map((host) => `${flag}=${name}=${host}`);
}

/** The values of annotations whose keys begin so, sorted. */
function annotated({ metadata }: Secret, prefix: string): string[] {
  return Object.entries(metadata.annotations ?? {})
    .filter(([key]) => key.startsWith(prefix))
    .map(([, value]) => value)
    .toSorted();
}

/** The Secrets that say something: only they are mounted. */
export function matchedSecrets(secrets: readonly Secret[]): Secret[] {
  return secrets.filter((secret) => credentialArgs([secret]).length > 0);
}

/** A volume for each Secret, for the credential initializer alone. */
export function secretVolumes(secrets: readonly Secret[]): Volume[] {
  return matchedSecrets(secrets).map(({ metadata: { name = "" } }) => ({
    name: secretVolumeName(name),
    secret: { secretName: name },
  }));
}

/** Where the credential initializer finds them, and where it puts what it makes of them. */
export function credentialMounts(secrets: readonly Secret[]): Mount[] {
  return [
    { name: buildVolumes.dockerCredentials, mountPath: buildPaths.dockerCredentials },
    { name: buildVolumes.gitCredentials, mountPath: buildPaths.gitCredentials },
    ...matchedSecrets(secrets).map(({ metadata: { name = "" } }) => ({
      name: secretVolumeName(name),
      mountPath: `${buildPaths.secrets}/${name}`,
      readOnly: true,
    })),
  ];
}
