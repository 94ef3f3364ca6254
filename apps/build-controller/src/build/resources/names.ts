import { containerPrefix } from "@kelvin/api/build/v1alpha1";

/** Names of the containers that Kelvin itself puts into a build Pod. */
export const credentialInitializer = `${containerPrefix}credential-initializer`;
export const nop = "nop";

/** The Pod of one attempt. `suffix` is six hexadecimal digits, new for each, so that no two attempts share a name. */
export function podName(buildName: string, suffix: string): string {
  return `${buildName}-pod-${suffix}`;
}

/** The container of a step: by its name, or by its index among custom sources and steps. */
export function stepContainerName(name: string | undefined, index: number): string {
  return `${containerPrefix}${stepName(name, index)}`;
}

/** What a step is called in status. */
export function stepName(name: string | undefined, index: number): string {
  return name === undefined || name === "" ? `unnamed-${index}` : name;
}

/** The container of a source of Kelvin's kinds: by its name, or by its index among all sources. */
export function sourceContainerName(kind: string, name: string | undefined, index: number): string {
  return `${containerPrefix}${kind}-source-${sourceName(name, index)}`;
}

/** The container of a custom source. */
export function customSourceContainerName(name: string | undefined): string {
  return `${containerPrefix}custom-source${name === undefined || name === "" ? "" : `-${name}`}`;
}

/** What a source is called in status. */
export function sourceName(name: string | undefined, index: number): string {
  return name === undefined || name === "" ? String(index) : name;
}

/** The volume of a Secret in the Pod. */
export function secretVolumeName(secret: string): string {
  return `secret-volume-${secret}`;
}
