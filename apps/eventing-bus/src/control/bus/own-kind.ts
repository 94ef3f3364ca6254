import { busAnnotations, type BusContainer } from "@kelvin/api/channels/v1alpha1/kinds";
import type { AnyBus } from "./bus-place.ts";

// Which buses are Kelvin's own. A third party's dispatcher runs as it is written; ours is started by what we know of it.

/** The dispatchers that Knative shipped in 2018, whichever registry, tag or digest they are named by. */
const shippedIn2018 =
  /(?:^|\/)knative\/eventing\/(?:pkg|cmd)\/buses\/(stub|kafka|gcppubsub)\/dispatcher(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?$/;

/**
 * Which of Kelvin's own a bus is, such as `kafka`; undefined: a third party's. `ownImage`: what this process runs from, if that is
 * known. Pure.
 */
export function ownKindOf({ metadata, spec }: AnyBus, ownImage: string | undefined): string | undefined {
  const named = metadata.annotations?.[busAnnotations.bus];
  if (named !== undefined) return named;
  const { image = "" } = spec?.dispatcher ?? {};
  const [, shipped] = shippedIn2018.exec(image) ?? [];
  if (shipped !== undefined) return shipped;
  return image !== "" && image === ownImage ? (kindInEnv(spec.dispatcher) ?? metadata.name) : undefined;
}

function kindInEnv({ env }: BusContainer = {}): string | undefined {
  if (!Array.isArray(env)) return undefined;
  const entry = (env as { name?: unknown; value?: unknown }[]).find(({ name }) => name === "BUS_KIND");
  return typeof entry?.value === "string" ? entry.value : undefined;
}
