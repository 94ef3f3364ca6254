import { labels, type Revision } from "@kelvin/api/serving/v1";
import { makeContainer, makeInitContainer, type WirePodSpec } from "./container.ts";

/** What config-deployment decides about pods. */
export interface PodSettings {
  /** Whether the pods of one Revision prefer different nodes. */
  readonly isSpreadOverNodes: boolean;
  /** For Revisions that name none themselves. */
  readonly runtimeClassName?: string;
}

/** After the longest request and the sleep before the end, what an application has to close down. */
const terminationMarginSeconds = 10;
const timeoutSecondsDefault = 300;

/** The pod of a Revision: the user's spec, with what Knative promises to an application. Pure. */
export function makePodSpec(revision: Revision, settings: PodSettings): WirePodSpec {
  const { containers, initContainers, enableServiceLinks, affinity, ...given } = revision.spec;
  const {
    containerConcurrency: _c,
    timeoutSeconds,
    responseStartTimeoutSeconds: _r,
    idleTimeoutSeconds: _i,
    ...rest
  } = given;
  const inits = (initContainers ?? []).map((container) => makeInitContainer(container, revision));
  return {
    ...(settings.runtimeClassName === undefined ? {} : { runtimeClassName: settings.runtimeClassName }),
    ...(rest as Partial<WirePodSpec>),
    ...(inits.length > 0 ? { initContainers: inits } : {}),
    containers: (containers ?? []).map((container) => makeContainer(container, revision)),
    enableServiceLinks: enableServiceLinks ?? false,
    terminationGracePeriodSeconds: (timeoutSeconds ?? timeoutSecondsDefault) + terminationMarginSeconds,
    ...makeAffinity(affinity, { revision, settings }),
  };
}

function makeAffinity(
  given: Revision["spec"]["affinity"],
  { revision, settings }: { revision: Revision; settings: PodSettings },
): Partial<Pick<WirePodSpec, "affinity">> {
  if (given !== undefined) return { affinity: given as NonNullable<WirePodSpec["affinity"]> };
  if (!settings.isSpreadOverNodes) return {};
  const matchLabels = { [labels.revision]: revision.metadata.name ?? "" };
  const podAffinityTerm = { topologyKey: "kubernetes.io/hostname", labelSelector: { matchLabels } };
  return {
    affinity: {
      podAntiAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 100, podAffinityTerm }] },
    },
  };
}
