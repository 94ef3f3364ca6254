import type { ObjectMeta } from "../../meta/object-meta.ts";
import type { DefaultsConfig } from "../config/defaults-config.ts";
import type { TemplateValues } from "../config/name-template.ts";
import type { Container } from "./container.types.ts";
import { defaultContainer, defaultInitContainer } from "./container.defaults.ts";
import type { AdmissionConfig } from "./context.ts";
import type { RevisionSpec } from "./revision.types.ts";

/** What the defaults of a RevisionSpec depend on besides itself. */
export interface SpecDefaultsContext {
  readonly config: AdmissionConfig;
  /** Metadata of the object that the spec stands in; container name templates refer to it. */
  readonly parent: ObjectMeta;
  /** Whether the object is being created, as opposed to updated or defaulted in memory. */
  readonly isCreate: boolean;
}

/** Fills in a RevisionSpec, in place. Doing it twice is the same as once. */
export function defaultRevisionSpec(spec: RevisionSpec, context: SpecDefaultsContext): void {
  const { defaults } = context.config;
  defaultTimeouts(spec, defaults);
  spec.containerConcurrency ??= defaults.containerConcurrency;
  defaultContainerNames(spec, context);
  if (context.isCreate && spec.enableServiceLinks === undefined && defaults.enableServiceLinks !== undefined) {
    spec.enableServiceLinks = defaults.enableServiceLinks;
  }
  for (const container of spec.containers ?? []) defaultContainer(container, spec, context.config);
  for (const container of spec.initContainers ?? []) defaultInitContainer(container, spec, context.config);
}

function defaultTimeouts(spec: RevisionSpec, defaults: DefaultsConfig): void {
  const timeoutSeconds = isZero(spec.timeoutSeconds) ? defaults.revisionTimeoutSeconds : (spec.timeoutSeconds ?? 0);
  spec.timeoutSeconds = timeoutSeconds;
  // A bound that is not below the whole timeout would never be reached.
  const { revisionResponseStartTimeoutSeconds: responseStart, revisionIdleTimeoutSeconds: idle } = defaults;
  if (isZero(spec.responseStartTimeoutSeconds) && responseStart > 0 && responseStart < timeoutSeconds) {
    spec.responseStartTimeoutSeconds = responseStart;
  }
  if (isZero(spec.idleTimeoutSeconds) && idle > 0 && idle < timeoutSeconds) spec.idleTimeoutSeconds = idle;
}

function isZero(seconds: number | undefined): boolean {
  return seconds === undefined || seconds === 0;
}

function defaultContainerNames(spec: RevisionSpec, { config, parent }: SpecDefaultsContext): void {
  const { containers = [], initContainers = [] } = spec;
  const taken = new Set([...containers, ...initContainers].flatMap(({ name = "" }) => (name === "" ? [] : [name])));
  const values: TemplateValues = {
    Name: parent.name ?? "",
    Namespace: parent.namespace ?? "",
    Labels: parent.labels ?? {},
    Annotations: parent.annotations ?? {},
  };
  nameContainers(containers, taken, config.defaults.containerNameTemplate(values));
  nameContainers(initContainers, taken, config.defaults.initContainerNameTemplate(values));
}

function nameContainers(containers: Container[], taken: Set<string>, defaultName: string): void {
  let suffix = 0;
  for (const container of containers) {
    if (container.name !== undefined && container.name !== "") continue;
    let name = defaultName;
    if (containers.length > 1 || taken.has(name)) {
      do name = `${defaultName}-${suffix++}`;
      while (taken.has(name));
    }
    container.name = name;
    taken.add(name);
  }
}
