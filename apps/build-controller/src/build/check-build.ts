import {
  buildAnnotations,
  resolveBuild,
  sourceKindOf,
  validateSourceFields,
  validateStepDetails,
  validateVolumes,
  type Build,
  type BuildTemplateSpec,
  type ParameterSpec,
  type SourceKind,
  type Step,
} from "@kelvin/api/build/v1alpha1";
import { fieldErrorText } from "@kelvin/api";
import type { Pod, Secret } from "@kelvin/kube";
import { sourcesOf } from "./resources/pod.ts";

// What can be found wrong with a Build only when it starts, in v0.7's words and order. Each check is a generator of
// faults, of which the first is told.

/** What is wrong with the Secrets of a ServiceAccount, or undefined. */
export function findSecretFault(secrets: readonly Secret[]): string | undefined {
  for (const { metadata } of secrets) {
    const wrong = Object.entries(metadata.annotations ?? {}).find(
      ([key, value]) => key.startsWith(buildAnnotations.dockerPrefix) && value === "index.docker.io",
    );
    if (wrong === undefined) continue;
    const [key, value] = wrong;
    return (
      `BadSecretAnnotation: Secret "${metadata.name ?? ""}" has incorrect annotation "${key}" / "${value}", ` +
      `value should be "https://index.docker.io/v1/"`
    );
  }
  return undefined;
}

/** What is wrong with a Build and the template it names, or undefined. */
export function findBuildFault(build: Build, template: BuildTemplateSpec | undefined): string | undefined {
  for (const fault of buildFaults(build, template)) return fault;
  return undefined;
}

function* buildFaults(build: Build, template: BuildTemplateSpec | undefined): Iterable<string> {
  if (template !== undefined) yield* templateFaults(build, template);
  yield* sourceFaults(build);
  const { steps } = resolveBuild(build.spec, template);
  // Not told at admission for Builds by template: there the steps are not known yet.
  const errors = [...validateSourceFields(build.spec), ...validateStepDetails(steps)];
  if (errors.length > 0) yield fieldErrorText(errors);
}

function* templateFaults({ spec }: Build, template: BuildTemplateSpec): Iterable<string> {
  const names = new Set<string>();
  for (const { name } of spec.template?.arguments ?? []) {
    if (names.has(name)) yield `DuplicateArgName: duplicate argument name "${name}"`;
    names.add(name);
  }
  const missing = (template.parameters ?? []).filter(
    ({ name, default: value }) => value === undefined && !names.has(name),
  );
  if (missing.length > 0) {
    const listed = missing.map(parameterText).join(" ");
    yield `UnsatisfiedParameter: build does not specify these required parameters: [${listed}]`;
  }
  const volumeErrors = validateVolumes(template.volumes ?? []);
  if (volumeErrors.length > 0) yield fieldErrorText(volumeErrors);
  for (const [index, step] of (template.steps ?? []).entries()) yield* placeholderFaults(step, index);
}

// As Go prints a struct.
function parameterText({ name, description = "" }: ParameterSpec): string {
  return `{${name} ${description}}`;
}

const nestedPlaceholder = /\$\{[^}]+\$/;

function* placeholderFaults(step: Step, index: number): Iterable<string> {
  const { name = "", args = [], env = [], workingDir = "", command = [] } = step;
  const places: [string, string][] = [
    [`in step name ${index}`, name],
    ...args.map((arg, position): [string, string] => [`in step ${index} arg ${position}`, arg]),
    ...env.map(({ value = "" }, position): [string, string] => [`in step ${index} env value ${position}`, value]),
    [`in step ${index} working dir`, workingDir],
    ...command.map((part, position): [string, string] => [`in step ${index} command ${position}`, part]),
  ];
  for (const [place, text] of places) {
    if (nestedPlaceholder.test(text)) yield `NestedPlaceholder: nested placeholder ${place}: ${JSON.stringify(text)}`;
  }
}

/** The fields that a source of each kind cannot do without. */
const requiredFields: Readonly<Record<SourceKind, readonly string[]>> = {
  git: ["url", "revision"],
  gcs: ["location"],
  archive: ["url"],
  image: ["reference"],
  custom: [],
};

function* sourceFaults(build: Build): Iterable<string> {
  for (const source of sourcesOf(build)) {
    const kind = sourceKindOf(source);
    if (kind === undefined) continue;
    const fields = source[kind] as Readonly<Record<string, unknown>>;
    const missing = requiredFields[kind].find((field) => (fields[field] ?? "") === "");
    if (missing !== undefined) yield `missing field(s): b.spec.source.${kind}.${missing}`;
    // The text is v0.7's; what it means is that the container's own name is not to be given.
    if (kind === "custom" && (source.custom?.name ?? "") !== "") yield "missing field(s): b.spec.source.name";
  }
}

/** What is wrong with a Pod as made: names that only meet there. */
export function findPodFault({ spec }: Pod): string | undefined {
  const volumes = (spec?.volumes ?? []).map(({ name }) => name);
  if (new Set(volumes).size < volumes.length) return "expected exactly one, got both: name";
  const names = (spec?.initContainers ?? []).map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) < index);
  return twice === undefined
    ? undefined
    : `two containers would be called "${twice}": give the step or source another name`;
}
