import { mkdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { ConfigMap, CoreService, type KubeClient, type Pod, Secret } from "@kelvin/kube";
import type { PodNetwork } from "../network/network.ts";
import { addresses } from "../network/network.ts";
import { type ContainerSpec, envReferences, expandVariables, makeContainerEnv } from "./container-env.ts";
import type { RunPlan } from "./container-run.ts";
import { type ImageDirectories, resolveImage } from "./image.ts";
import type { ContainerPlace } from "./container-place.ts";
import type { OutputPipes } from "./output-pipes.ts";
import { toolPath } from "./launch.ts";
import { makeServiceEnv } from "./service-env.ts";
import { prepareTerminationFile } from "./termination-message.ts";
import { mountsOf, type PreparedVolumes } from "./volumes.ts";

const GRACE_SECONDS_PRESET = 30;

/** What all containers on this node share. */
export interface ContainerSurroundings {
  readonly kube: KubeClient;
  readonly outputPipes: OutputPipes;
  readonly images: ImageDirectories;
  /** The pinned node that runs us; its directory comes first in every PATH. */
  readonly nodeExecutable: string;
  readonly compileCache: string;
  readonly hostIp: string;
  readonly place: ContainerPlace;
}

/** What the containers of one Pod share. */
export interface PodSandbox {
  readonly pod: Pod;
  readonly directory: string;
  readonly network: PodNetwork;
  readonly volumes: PreparedVolumes;
}

/**
 * Everything needed to spawn one run of a container.
 * @throws ImageError or ContainerConfigError when the Pod asks for what is not there.
 */
export async function makeRunPlan(
  container: ContainerSpec,
  sandbox: PodSandbox,
  { surroundings, logFile }: { surroundings: ContainerSurroundings; logFile: string },
): Promise<RunPlan> {
  const { pod, network, volumes, directory } = sandbox;
  const image = resolveImage(container.image ?? "", surroundings.images);
  const namespace = pod.metadata.namespace ?? "";
  const temporary = join(directory, "tmp", container.name);
  mkdirSync(temporary, { recursive: true });
  const env = makeContainerEnv(container, {
    pod,
    podIp: network.address,
    hostIp: surroundings.hostIp,
    ...(await readSources(container, namespace, surroundings.kube)),
    base: { ...(await readServiceEnv(pod, surroundings.kube)), ...makeBaseEnv(pod, temporary, surroundings) },
  });
  const variables = new Map(Object.entries(env));
  const expand = (words: readonly string[] | undefined): string[] =>
    (words ?? []).map((word) => expandVariables(word, variables));
  const hasCommand = container.command !== undefined && container.command.length > 0;
  const scratch = join(directory, "scratch", container.name);
  mkdirSync(scratch, { recursive: true });
  const terminationFile = join(scratch, "termination-message");
  const command = [...(hasCommand ? expand(container.command) : image.command), ...expand(container.args)];
  const place = surroundings.place.plan({
    pod,
    podIp: network.address,
    command,
    env,
    volumeMounts: mountsOf(container, volumes, variables),
    agentMounts: prepareTerminationFile(terminationFile, container),
    directory,
    scratch,
  });
  return {
    container,
    command,
    signalsGroup: !hasCommand && image.needsShell,
    directory: container.workingDir ?? image.directory,
    env: place.env,
    place: { ...place, enter: (pid) => surroundings.place.enter(pid) },
    network,
    outputPipes: surroundings.outputPipes,
    logFile,
    terminationFile,
    graceMs: (pod.spec?.terminationGracePeriodSeconds ?? GRACE_SECONDS_PRESET) * 1000,
  };
}

async function readSources(
  container: ContainerSpec,
  namespace: string,
  kube: KubeClient,
): Promise<{ configMaps: Map<string, ConfigMap | undefined>; secrets: Map<string, Secret | undefined> }> {
  const { configMaps, secrets } = envReferences(container);
  const found = await Promise.all([
    Promise.all(configMaps.map(async (name) => [name, await kube.find(ConfigMap, { namespace, name })] as const)),
    Promise.all(secrets.map(async (name) => [name, await kube.find(Secret, { namespace, name })] as const)),
  ]);
  return { configMaps: new Map(found[0]), secrets: new Map(found[1]) };
}

async function readServiceEnv({ metadata, spec }: Pod, kube: KubeClient): Promise<Record<string, string>> {
  if (spec?.enableServiceLinks === false || metadata.namespace === undefined) return {};
  return makeServiceEnv((await kube.list(CoreService, { namespace: metadata.namespace })).items);
}

/** Nothing of the user's own environment comes in: it may hold secrets, and a cluster would not have it either. */
function makeBaseEnv(pod: Pod, temporary: string, surroundings: ContainerSurroundings): Record<string, string> {
  const tools = join(surroundings.images.repository, "node_modules", ".bin");
  return {
    PATH: [dirname(surroundings.nodeExecutable), tools, toolPath].join(delimiter),
    HOME: temporary,
    TMPDIR: temporary,
    HOSTNAME: pod.metadata.name ?? "",
    LANG: "C.UTF-8",
    NODE_COMPILE_CACHE: surroundings.compileCache,
    KUBERNETES_SERVICE_HOST: addresses.apiServer,
    KUBERNETES_SERVICE_PORT: "443",
    KUBERNETES_SERVICE_PORT_HTTPS: "443",
    KUBERNETES_PORT: `tcp://${addresses.apiServer}:443`,
  };
}
