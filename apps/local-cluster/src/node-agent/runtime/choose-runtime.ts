import { ContainerConfigError } from "../container-env.ts";
import { type RunRequest, type Runtime, runtimeNames } from "./runtime.ts";

/** By which a Pod asks for one runtime. */
export const runtimeAnnotation = "kelvin.dev/runtime";

export interface ChosenRuntime {
  readonly runtime: Runtime;
  /** Which others were thought of before, and why it was none of them. */
  readonly because: string;
}

/** The first runtime that can run this, or the one that the Pod asks for. @throws ContainerConfigError when there is none. */
export async function chooseRuntime(runtimes: readonly Runtime[], request: RunRequest): Promise<ChosenRuntime> {
  const asked = request.pod.metadata.annotations?.[runtimeAnnotation];
  const candidates = asked === undefined ? runtimes : runtimes.filter(({ name }) => name === asked);
  const refusals: string[] = [];
  for (const runtime of candidates) {
    // oxlint-disable-next-line no-await-in-loop -- a later one is not to be tried where an earlier one will do
    await runtime.tried?.();
    const lack = runtime.lacks(request);
    if (lack === undefined) return { runtime, because: reasonFor(asked, refusals) };
    refusals.push(`${runtime.name}: ${lack}`);
  }
  if (candidates.length === 0)
    throw new ContainerConfigError(
      `annotation ${runtimeAnnotation} asks for "${asked ?? ""}", which is not on this node; there are ${runtimes.map(({ name }) => name).join(", ")} of ${runtimeNames.join(", ")}`,
    );
  throw new ContainerConfigError(`no runtime of this node can run it: ${refusals.join("; ")}`);
}

function reasonFor(asked: string | undefined, refusals: readonly string[]): string {
  if (asked !== undefined) return `the annotation ${runtimeAnnotation} asks for it`;
  return refusals.length === 0 ? "" : `not ${refusals.join("; not ")}`;
}
