import { chownSync, mkdirSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { ConfigMap, CoreService, type KubeClient, type Pod, Secret } from "@kelvin/kube";
import { parseQuantity } from "../controllers/scheduler/quantity.ts";
import type { PodNetwork } from "../network/network.ts";
import { addresses } from "../network/network.ts";
import {
  ContainerConfigError,
  type ContainerSpec,
  envReferences,
  expandVariables,
  makeContainerEnv,
} from "./container-env.ts";
import type { RunPlan } from "./container-run.ts";
import type { Image, ImageRequest, ImageSource } from "./images/image-source.ts";
import type { OutputPipes } from "./output-pipes.ts";
import type { Cgroup, Cgroups, ResourceLimits } from "./runtime/cgroups.ts";
import { chooseRuntime, type ChosenRuntime } from "./runtime/choose-runtime.ts";
import { type ContainerSecurity, securityOf } from "./runtime/container-security.ts";
import { canHaveUser } from "./runtime/identity-map.ts";
import type { LaunchPlan, RunRequest, Runtime } from "./runtime/runtime.ts";
import { toolPath } from "./runtime/tools.ts";
import { homeOf } from "./runtime/user-database.ts";
import { makeServiceEnv } from "./service-env.ts";
import { makeSystemMounts } from "./system-files.ts";
import { prepareTerminationFile } from "./termination-message.ts";
import { mountsOf, type PreparedVolumes } from "./volumes.ts";

const GRACE_SECONDS_PRESET = 30;

/** What all containers on this node share. */
export interface ContainerSurroundings {
  readonly kube: KubeClient;
  readonly outputPipes: OutputPipes;
  readonly cgroups: Cgroups;
  readonly images: ImageSource;
  /** Programs that every directory image finds, such as those of the repository's dependencies. */
  readonly programs: string;
  /** The pinned node that runs us; its directory comes first in every PATH. */
  readonly nodeExecutable: string;
  readonly compileCache: string;
  readonly hostIp: string;
  /** In the order in which they are thought of. */
  readonly runtimes: readonly Runtime[];
}

/** What the containers of one Pod share. */
export interface PodSandbox {
  readonly pod: Pod;
  readonly directory: string;
  readonly network: PodNetwork;
  readonly volumes: PreparedVolumes;
}

export interface DescriptionOptions extends Pick<ImageRequest, "onPull" | "signal"> {
  readonly surroundings: ContainerSurroundings;
}

/** What a run of a container is to be, by what is known now. */
export interface RunDescription {
  readonly container: ContainerSpec;
  readonly request: RunRequest;
  readonly runtime: ChosenRuntime;
  readonly image: Image;
  readonly pulled: string | undefined;
  readonly network: PodNetwork;
  /** What the container sees as its terminationMessagePath. */
  readonly terminationFile: string;
  readonly cgroupName: string;
}

/** What was made for a run. */
export interface MadeRun {
  readonly launch: LaunchPlan;
  readonly cgroup: Cgroup | undefined;
}

/**
 * Finds out what a run of a container is to be, and fetches its image where that is missing.
 * @throws ImageError or ContainerConfigError when the Pod asks for what is not there.
 */
export async function describeRun(
  container: ContainerSpec,
  sandbox: PodSandbox,
  { surroundings, onPull, signal }: DescriptionOptions,
): Promise<RunDescription> {
  const { pod, network, directory } = sandbox;
  const { image, pulled } = await surroundings.images.find({
    reference: container.image ?? "",
    pod,
    pullPolicy: container.imagePullPolicy ?? "IfNotPresent",
    network,
    podDirectory: directory,
    onPull,
    signal,
  });
  const security = securityOf(container, pod, image);
  const temporary = makeTemporary(join(directory, "tmp", container.name), security);
  const env = makeContainerEnv(container, {
    pod,
    podIp: network.address,
    hostIp: surroundings.hostIp,
    ...(await readSources(container, pod.metadata.namespace ?? "", surroundings.kube)),
    base: {
      ...(await readServiceEnv(pod, surroundings.kube)),
      ...makeBaseEnv(pod),
      ...(image.rootfs === undefined
        ? makeMachineEnv(temporary, surroundings)
        : { PATH: toolPath, HOME: homeOf(security.user?.uid ?? 0, image.rootfs) }),
      ...image.env,
    },
  });
  const terminationFile = join(directory, "scratch", container.name, "termination-message");
  const cgroupName = `${pod.metadata.uid ?? ""}-${container.name}`;
  const cgroupsPath = surroundings.cgroups.pathOf(cgroupName);
  const request = makeRequest(container, sandbox, { image, security, env, terminationFile, surroundings, cgroupsPath });
  const runtime = await chooseRuntime(surroundings.runtimes, request);
  return { container, request, runtime, image, pulled, network, terminationFile, cgroupName };
}

/** Makes what the run needs to find: its root, its bundle, its control group. @throws Error naming what cannot be had. */
export function makeRun({ container, request, runtime, cgroupName }: RunDescription, cgroups: Cgroups): MadeRun {
  const launch = runtime.runtime.plan(request);
  const cgroup = cgroups.open(cgroupName, limitsOf(container));
  return { launch: launch.watched !== undefined ? launch : joinCgroup(launch, cgroup), cgroup };
}

/** All that is needed to spawn the run. */
export function planRun(
  { container, request, runtime, image, pulled, network, terminationFile }: RunDescription,
  made: MadeRun,
  { outputPipes, logFile }: { readonly outputPipes: OutputPipes; readonly logFile: string },
): RunPlan {
  const { command, pod } = request;
  return {
    ...made,
    container,
    command,
    signalsGroup: signalsGroup(container, image),
    runtime,
    imageId: image.id,
    pulled,
    network,
    outputPipes,
    logFile,
    terminationFile,
    graceMs: (pod.spec?.terminationGracePeriodSeconds ?? GRACE_SECONDS_PRESET) * 1000,
  };
}

/** Where the image's own shell has the app as its child. */
export function signalsGroup({ command }: ContainerSpec, { needsShell }: Image): boolean {
  return needsShell && !hasWords(command);
}

function joinCgroup(launch: LaunchPlan, cgroup: Cgroup | undefined): LaunchPlan {
  return cgroup === undefined ? launch : { ...launch, script: `${cgroup.joinLine}\n${launch.script}` };
}

function limitsOf({ resources }: ContainerSpec): ResourceLimits {
  const { memory, cpu } = resources?.limits ?? {};
  return {
    ...(memory !== undefined && { memoryBytes: Math.floor(parseQuantity(memory)) }),
    ...(cpu !== undefined && { cpus: parseQuantity(cpu) }),
  };
}

interface RequestParts {
  readonly image: Image;
  readonly security: ContainerSecurity;
  readonly env: Readonly<Record<string, string>>;
  readonly terminationFile: string;
  readonly surroundings: ContainerSurroundings;
  readonly cgroupsPath: string | undefined;
}

function makeRequest(
  container: ContainerSpec,
  { pod, network, volumes, directory }: PodSandbox,
  { image, security, env, terminationFile, surroundings, cgroupsPath }: RequestParts,
): RunRequest {
  const variables = new Map(Object.entries(env));
  const scratch = join(directory, "scratch", container.name);
  mkdirSync(scratch, { recursive: true });
  return {
    pod,
    podIp: network.address,
    command: commandOf(container, image, variables),
    env,
    workingDir: container.workingDir ?? (image.workingDir === "" ? "/" : image.workingDir),
    rootfs: image.rootfs,
    security,
    systemMounts: makeSystemMounts({
      pod,
      podIp: network.address,
      directory,
      hasOwnRoot: image.rootfs !== undefined,
    }),
    volumeMounts: mountsOf(container, volumes, variables),
    agentMounts: prepareTerminationFile(terminationFile, container),
    sharedCaches: [surroundings.compileCache],
    directory,
    scratch,
    cgroupsPath,
  };
}

/** As Kubernetes has it: a command takes the place of the image's entrypoint and its arguments, arguments that of the latter. */
function commandOf({ command, args }: ContainerSpec, image: Image, variables: ReadonlyMap<string, string>): string[] {
  const expand = (words: readonly string[]): string[] => words.map((word) => expandVariables(word, variables));
  if (hasWords(command)) return expand([...command, ...(args ?? [])]);
  const words = [...image.entrypoint, ...(hasWords(args) ? expand(args) : image.cmd)];
  if (words.length === 0) throw new ContainerConfigError("no command specified");
  return words;
}

function hasWords(words: readonly string[] | undefined): words is readonly string[] {
  return words !== undefined && words.length > 0;
}

/** A directory for what the app writes on the side; its user's own. */
function makeTemporary(directory: string, { user }: ContainerSecurity): string {
  mkdirSync(directory, { recursive: true });
  if (user !== undefined && canHaveUser(user.uid) && canHaveUser(user.gid)) chownSync(directory, user.uid, user.gid);
  return directory;
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
function makeBaseEnv(pod: Pod): Record<string, string> {
  return {
    HOSTNAME: pod.metadata.name ?? "",
    KUBERNETES_SERVICE_HOST: addresses.apiServer,
    KUBERNETES_SERVICE_PORT: "443",
    KUBERNETES_SERVICE_PORT_HTTPS: "443",
    KUBERNETES_PORT: `tcp://${addresses.apiServer}:443`,
  };
}

/** What makes up for an image where a directory of this machine is run. */
function makeMachineEnv(temporary: string, surroundings: ContainerSurroundings): Record<string, string> {
  return {
    PATH: [dirname(surroundings.nodeExecutable), surroundings.programs, toolPath].join(delimiter),
    HOME: temporary,
    TMPDIR: temporary,
    LANG: "C.UTF-8",
    NODE_COMPILE_CACHE: surroundings.compileCache,
  };
}
