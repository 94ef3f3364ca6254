import type { BuildTemplateSpec } from "./build-template.types.ts";
import type { BuildSpec, TemplateInstantiation } from "./build.types.ts";
import type { BuildVolume, Step, StepEnvVar, StepVolumeMount } from "./step.types.ts";

/** What a Build runs once its template is filled in. */
export interface ResolvedBuild {
  readonly steps: readonly Step[];
  readonly volumes: readonly BuildVolume[];
  /** The image it declares to push, if it declares one. */
  readonly image: string | undefined;
}

/**
 * The steps and volumes of a Build: its own, or its template's with `${NAME}` replaced. All replacing is done in one pass
 * over the template's text, so that a value is never read as a template. Pure; the arguments are not changed.
 */
export function resolveBuild(spec: BuildSpec, template: BuildTemplateSpec | undefined): ResolvedBuild {
  const { steps = [], volumes = [], image, template: instantiation } = spec;
  if (template === undefined || instantiation === undefined) return { steps, volumes, image };
  const values = replacementsOf(instantiation, template);
  const fill = makeFill(values);
  const overrides = (instantiation.env ?? []).map((variable) => fillEnvVar(variable, fill));
  return {
    steps: (template.steps ?? []).map((step) => withOverrides(fillStep(step, fill), overrides)),
    volumes: [...volumes, ...(template.volumes ?? [])].map((volume) => fillVolume(volume, fill)),
    image: image ?? (template.image === undefined ? values.get("IMAGE") : fill(template.image)),
  };
}

type Fill = (text: string) => string;

/** Defaults, then arguments; also those that no parameter is declared for. */
function replacementsOf({ arguments: given = [] }: TemplateInstantiation, template: BuildTemplateSpec) {
  const defaults = (template.parameters ?? []).flatMap(({ name, default: value }): [string, string][] =>
    value === undefined ? [] : [[name, value]],
  );
  return new Map([...defaults, ...given.map(({ name, value = "" }): [string, string] => [name, value])]);
}

function makeFill(values: ReadonlyMap<string, string>): Fill {
  if (values.size === 0) return (text) => text;
  const pattern = [...values.keys()].map((name) => escapePattern(`\${${name}}`)).join("|");
  return (text) => text.replaceAll(new RegExp(pattern, "g"), (found) => values.get(found.slice(2, -1)) ?? found);
}

function escapePattern(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function fillStep(step: Step, fill: Fill): Step {
  const { name, image, args, command, env, workingDir, volumeMounts } = step;
  return {
    ...step,
    ...(name === undefined ? {} : { name: fill(name) }),
    ...(image === undefined ? {} : { image: fill(image) }),
    ...(args === undefined ? {} : { args: args.map(fill) }),
    ...(command === undefined ? {} : { command: command.map(fill) }),
    ...(env === undefined ? {} : { env: env.map((variable) => fillEnvVar(variable, fill)) }),
    ...(workingDir === undefined ? {} : { workingDir: fill(workingDir) }),
    ...(volumeMounts === undefined ? {} : { volumeMounts: volumeMounts.map((mount) => fillMount(mount, fill)) }),
  };
}

function fillEnvVar(variable: StepEnvVar, fill: Fill): StepEnvVar {
  return variable.value === undefined ? variable : { ...variable, value: fill(variable.value) };
}

function fillMount(mount: StepVolumeMount, fill: Fill): StepVolumeMount {
  const { name, mountPath, subPath } = mount;
  const filled = { ...mount, name: fill(name), mountPath: fill(mountPath) };
  return subPath === undefined ? filled : { ...filled, subPath: fill(subPath) };
}

function fillVolume(volume: BuildVolume, fill: Fill): BuildVolume {
  const { name, persistentVolumeClaim: claim, configMap, secret } = volume;
  return {
    ...volume,
    ...(name === undefined ? {} : { name: fill(name) }),
    ...(claim?.claimName === undefined
      ? {}
      : { persistentVolumeClaim: { ...claim, claimName: fill(claim.claimName) } }),
    ...(configMap?.name === undefined ? {} : { configMap: { ...configMap, name: fill(configMap.name) } }),
    ...(secret?.secretName === undefined ? {} : { secret: { ...secret, secretName: fill(secret.secretName) } }),
  };
}

/** The template's variables of other names, then all that the Build gives. */
function withOverrides(step: Step, overrides: readonly StepEnvVar[]): Step {
  if (overrides.length === 0) return step;
  const names = new Set(overrides.map(({ name }) => name));
  return { ...step, env: [...(step.env ?? []).filter(({ name }) => !names.has(name)), ...overrides] };
}
