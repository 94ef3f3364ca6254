import {
  Build,
  buildAnnotations,
  buildLabels,
  buildPaths,
  buildVolumes,
  resolveBuild,
  serviceAccountDefault,
  sourceKindOf,
  type BuildConfig,
  type BuildTemplateSpec,
  type Source,
  type Step,
} from "@kelvin/api/build/v1alpha1";
import { makeOwnerReference } from "@kelvin/api";
import type { Pod, Secret } from "@kelvin/kube";
import { cacheContainers, cacheVolumes } from "./cache-container.ts";
import { credentialArgs, credentialMounts, secretVolumes } from "./credentials.ts";
import { copiedToPod } from "./metadata.ts";
import {
  credentialInitializer,
  customSourceContainerName,
  nop,
  sourceContainerName,
  sourceName,
  stepContainerName,
  stepName,
} from "./names.ts";
import { encodePlan, type BuildPlan, type PlannedSource, type PlannedStep } from "./plan.ts";
import type { Container, PodSpec, Volume } from "./pod-types.ts";
import { fetchArgs, makeOwnContainer, sourceMounts } from "./source-container.ts";
import { asksForCredentials, makeStepContainer, type StepSurroundings } from "./step-container.ts";

/** What a Pod is made of beside the Build. */
export interface PodIngredients {
  /** The template that the Build names, if it names one. */
  readonly template: BuildTemplateSpec | undefined;
  /** The Secrets of the Build's ServiceAccount, in its order. */
  readonly secrets: readonly Secret[];
  readonly config: BuildConfig;
  readonly podName: string;
  /** From 1. */
  readonly attempt: number;
}

/** The group that files in the Pod's volumes belong to, so that steps of any user can read credentials. */
const fsGroup = 65532;

/** The Pod of one attempt of a Build. Pure. */
export function makePod(build: Build, ingredients: PodIngredients): Pod {
  const { secrets, config, attempt } = ingredients;
  const { metadata, spec } = build;
  const { containers, plan, volumes } = makeParts(build, ingredients);
  const podSpec: PodSpec = {
    restartPolicy: "Never",
    serviceAccountName: spec.serviceAccountName ?? serviceAccountDefault,
    automountServiceAccountToken: metadata.annotations?.[buildAnnotations.serviceAccountToken] === "true",
    securityContext: { fsGroup },
    ...(spec.nodeSelector === undefined ? {} : { nodeSelector: spec.nodeSelector }),
    ...(spec.affinity === undefined ? {} : { affinity: spec.affinity as NonNullable<PodSpec["affinity"]> }),
    initContainers: containers,
    containers: [makeNop(config)],
    volumes: [...volumes, ...ownVolumes(), ...secretVolumes(secrets), ...cacheVolumes(config)],
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: ingredients.podName,
      ...(metadata.namespace === undefined ? {} : { namespace: metadata.namespace }),
      labels: { ...copiedToPod(metadata.labels), [buildLabels.buildName]: metadata.name ?? "" },
      annotations: {
        ...copiedToPod(metadata.annotations),
        [buildAnnotations.sidecarInject]: "false",
        [buildAnnotations.attempt]: String(attempt),
        [buildAnnotations.plan]: encodePlan(plan),
      },
      ownerReferences: [makeOwnerReference(Build, build)],
    },
    spec: podSpec,
  };
}

/** The one regular container, which ends when all steps have: a Pod must have one. */
function makeNop({ stepsImage }: BuildConfig): Container {
  return { name: nop, image: stepsImage, args: ["nop"], securityContext: { allowPrivilegeEscalation: false } };
}

function ownVolumes(): Volume[] {
  // Credentials never touch a disk.
  const inMemory = { emptyDir: { medium: "Memory" } };
  return [
    { name: buildVolumes.workspace, emptyDir: {} },
    { name: buildVolumes.home, emptyDir: {} },
    { name: buildVolumes.dockerCredentials, ...inMemory },
    { name: buildVolumes.gitCredentials, ...inMemory },
  ];
}

interface Parts {
  readonly containers: Container[];
  readonly plan: BuildPlan;
  readonly volumes: Volume[];
}

function makeParts(build: Build, { template, secrets, config }: PodIngredients): Parts {
  const { steps, volumes, image } = resolveBuild(build.spec, template);
  const sources = sourcesOf(build);
  const customs = sources.filter(({ custom }) => custom !== undefined);
  const surroundings: StepSurroundings = {
    subPath: sources.find(({ subPath = "" }) => subPath !== "")?.subPath ?? "",
    givesDockerCredentials: !steps.some(asksForCredentials),
    givesGitCredentials: false,
  };
  const fetched = fetchContainers(sources, config);
  const custom = customs.map((source) => makeCustomSource(source, surroundings));
  const around = { build, config, surroundings, firstIndex: customs.length };
  const stepParts = steps.map((step, index) => makeStepParts(step, index, around));
  const initializer = makeOwnContainer(credentialInitializer, initializerArgs(secrets), {
    config,
    mounts: credentialMounts(secrets),
  });
  return {
    containers: [
      initializer,
      ...fetched.map(({ container }) => container),
      ...custom.map(({ container }) => container),
      ...stepParts.flatMap(({ containers }) => containers),
    ],
    plan: {
      sources: [...fetched, ...custom].map(({ planned }) => planned),
      steps: stepParts.map(({ planned }) => planned),
      ...(image === undefined ? {} : { image }),
    },
    volumes: volumes as object as Volume[],
  };
}

/** All sources of a Build, the single one first. */
export function sourcesOf({ spec: { source, sources = [] } }: Build): Source[] {
  return source === undefined ? [...sources] : [source, ...sources];
}

function initializerArgs(secrets: readonly Secret[]): string[] {
  return [
    "credentials",
    `--secrets-dir=${buildPaths.secrets}`,
    `--docker-dir=${buildPaths.dockerCredentials}`,
    `--git-dir=${buildPaths.gitCredentials}`,
    ...credentialArgs(secrets),
  ];
}

interface SourcePart {
  readonly container: Container;
  readonly planned: PlannedSource;
}

function fetchContainers(sources: readonly Source[], config: BuildConfig): SourcePart[] {
  return sources.flatMap((source, index) => {
    const kind = sourceKindOf(source);
    const args = fetchArgs(source, index, config);
    if (kind === undefined || kind === "custom" || args === undefined) return [];
    const container = sourceContainerName(kind, source.name, index);
    return [
      {
        container: makeOwnContainer(container, args, { config, mounts: sourceMounts(source) }),
        planned: { name: sourceName(source.name, index), container, kind },
      },
    ];
  });
}

function makeCustomSource(source: Source, surroundings: StepSurroundings): SourcePart {
  const container = customSourceContainerName(source.name);
  const given = { ...surroundings, givesDockerCredentials: true, givesGitCredentials: true };
  return {
    container: makeStepContainer(source.custom ?? {}, container, given),
    planned: { name: source.name ?? "custom", container, kind: "custom" },
  };
}

interface Around {
  readonly build: Build;
  readonly config: BuildConfig;
  readonly surroundings: StepSurroundings;
  /** How many custom sources stand before the steps: v0.7 counts them. */
  readonly firstIndex: number;
}

function makeStepParts(
  step: Step,
  index: number,
  around: Around,
): { readonly containers: Container[]; readonly planned: PlannedStep } {
  const place = index + around.firstIndex;
  const name = stepName(step.name, place);
  const container = stepContainerName(step.name, place);
  const { restore, save } = cacheContainers(step, name, around);
  const containers = [restore, makeStepContainer(step, container, around.surroundings), save];
  return {
    containers: containers.filter((one) => one !== undefined),
    planned: {
      name,
      container,
      ...(restore === undefined ? {} : { restore: restore.name }),
      ...(step.cache === undefined || restore !== undefined ? {} : { hasNoCacheStore: true }),
    },
  };
}
