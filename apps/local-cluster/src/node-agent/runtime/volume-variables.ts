import { ContainerConfigError } from "../container-env.ts";
import type { Mount } from "../mounts.ts";

type Variables = Readonly<Record<string, string>>;

/**
 * Where nothing can be mounted, a variable that names a volume's place, or one below it, gets the place where the volume
 * really is. @throws ContainerConfigError for a volume that no variable names: the program would look for it in vain.
 */
export function nameVolumes(env: Variables, mounts: readonly Mount[]): Record<string, string> {
  const named = { ...env };
  for (const { source, target } of mounts) {
    const names = Object.keys(env).filter((name) => env[name] === target || env[name]?.startsWith(`${target}/`));
    if (names.length === 0) {
      throw new ContainerConfigError(
        `a volume cannot be mounted at "${target}" on the loopback network: that needs namespaces, which this machine refuses. ` +
          `Put the path into a variable of the container; it then gets the place where the volume is`,
      );
    }
    for (const name of names) named[name] = `${source}${(env[name] ?? "").slice(target.length)}`;
  }
  return named;
}
