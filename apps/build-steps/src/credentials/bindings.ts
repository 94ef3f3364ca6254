import { StepFailure, UsageError } from "../step-failure.ts";

/** Which Secret is for which URL or host. */
export interface Binding {
  readonly secret: string;
  /** As it stands in the Secret's annotation. */
  readonly target: string;
}

/**
 * Parses `<secret>=<url>`. Only the first `=` parts them: URLs may hold more.
 *
 * @throws UsageError when a part is missing, StepFailure when two Secrets name one URL: which of them counts would be chance.
 */
export function parseBindings(flag: string, values: readonly string[]): Binding[] {
  const bindings = values.map((value) => {
    const at = value.indexOf("=");
    const [secret, target] = [value.slice(0, Math.max(at, 0)), value.slice(at + 1)];
    if (!isSecretName(secret) || target === "") {
      throw new UsageError(`-${flag} must be <secret>=<url>, got ${JSON.stringify(value)}`);
    }
    return { secret, target };
  });
  const taken = new Map<string, string>();
  for (const { secret, target } of bindings) {
    const other = taken.get(target);
    if (other !== undefined) {
      throw new StepFailure(
        "CredentialsInvalid",
        `Multiple entries for url: ${target}: Secrets "${other}" and "${secret}" both name it; take one off the ServiceAccount`,
      );
    }
    taken.set(target, secret);
  }
  return bindings;
}

/** Whether this is a name that Kubernetes gives Secrets, and so no path out of the directory they are mounted in. */
export function isSecretName(name: string): boolean {
  return /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/.test(name) && !name.includes("..");
}
