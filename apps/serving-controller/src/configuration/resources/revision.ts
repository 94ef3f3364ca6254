import { apiVersionOf, kubeTime, makeOwnerReference } from "@kelvin/api";
import { annotations, Configuration, labels, Revision, routingStates, type RevisionSpec } from "@kelvin/api/serving/v1";
import type { BuiltImage } from "../../build-ref/resolve-build.ts";
import { revisionName } from "./names.ts";

/**
 * The Revision of a Configuration's current generation, with the image that was built for it, if any. Pure.
 * Labels and annotations come from the template alone; the Configuration's own are about the Configuration.
 */
export function makeRevision(configuration: Configuration, now: Date, built?: BuiltImage): Revision {
  const { metadata, spec = {} } = configuration.spec.template ?? {};
  return {
    apiVersion: apiVersionOf(Revision),
    kind: Revision.kind,
    metadata: {
      name: revisionName(configuration, built),
      namespace: configuration.metadata.namespace ?? "",
      labels: { ...metadata?.labels, ...makeIdentityLabels(configuration) },
      annotations: {
        ...metadata?.annotations,
        ...makeOriginAnnotations(configuration, now),
        ...(built === undefined ? {} : makeBuiltAnnotations(built)),
      },
      ownerReferences: [makeOwnerReference(Configuration, configuration)],
    },
    spec: built === undefined ? spec : withImage(spec, built),
  };
}

function withImage(spec: RevisionSpec, { image, container }: BuiltImage): RevisionSpec {
  const { containers = [] } = spec;
  const position = container === undefined ? 0 : containers.findIndex(({ name }) => name === container);
  return { ...spec, containers: containers.with(position, { ...containers[position], image }) };
}

function makeBuiltAnnotations({ build, image }: BuiltImage): Record<string, string> {
  return { [annotations.buildRef]: build, [annotations.builtImage]: image };
}

function makeIdentityLabels(configuration: Configuration): Record<string, string> {
  const { name = "", uid = "", generation = 0, labels: own, annotations: notes } = configuration.metadata;
  const isRouted = (notes?.[annotations.routes] ?? "") !== "";
  return {
    [labels.configuration]: name,
    [labels.configurationUID]: uid,
    [labels.configurationGeneration]: String(generation),
    [labels.service]: own?.[labels.service] ?? "",
    [labels.serviceUID]: own?.[labels.serviceUID] ?? "",
    [labels.routingState]: isRouted ? routingStates.active : routingStates.pending,
  };
}

function makeOriginAnnotations(configuration: Configuration, now: Date): Record<string, string> {
  const notes = configuration.metadata.annotations ?? {};
  const creator = notes[annotations.lastModifier];
  const routes = notes[annotations.routes];
  return {
    ...(creator === undefined ? {} : { [annotations.creator]: creator }),
    ...(routes === undefined ? {} : { [annotations.routes]: routes }),
    [annotations.routingStateModified]: kubeTime(now),
  };
}
