import { posix } from "node:path";
import { buildPaths, buildVolumes, type SourceContainer, type Step } from "@kelvin/api/build/v1alpha1";
import type { Container, EnvVar, Mount } from "./pod-types.ts";

/** What a step gets beside what it asks for. */
export interface StepSurroundings {
  /** The directory of the workspace that steps see; empty for all of it. */
  readonly subPath: string;
  /** Whether to give it registry credentials though it did not ask, as v0.7 did. */
  readonly givesDockerCredentials: boolean;
  /** Whether to give it git credentials though it did not ask: sources need them. */
  readonly givesGitCredentials: boolean;
}

/** One step of a user as an init container. */
export function makeStepContainer(
  step: Step | SourceContainer,
  name: string,
  surroundings: StepSurroundings,
): Container {
  const { cache: _, ...container } = { cache: undefined, ...step };
  const own = (step.volumeMounts ?? []) as Mount[];
  const implicit = implicitMounts(surroundings).filter(({ mountPath }) => !own.some((mount) => isAt(mount, mountPath)));
  const mounts = [...own, ...implicit];
  return {
    ...(container as object as Container),
    name,
    workingDir: workingDirOf(step.workingDir),
    // First, so that a step's own variables win.
    env: [{ name: "HOME", value: buildPaths.home }, ...credentialEnv(mounts), ...((step.env ?? []) as EnvVar[])],
    volumeMounts: mounts,
  };
}

function implicitMounts({ subPath, givesDockerCredentials, givesGitCredentials }: StepSurroundings): Mount[] {
  return [
    { name: buildVolumes.workspace, mountPath: buildPaths.workspace, ...(subPath === "" ? {} : { subPath }) },
    { name: buildVolumes.home, mountPath: buildPaths.home },
    // Below the home directory, so after it.
    ...(givesDockerCredentials ? [{ name: buildVolumes.dockerCredentials, mountPath: buildPaths.homeDocker }] : []),
    ...(givesGitCredentials ? [{ name: buildVolumes.gitCredentials, mountPath: buildPaths.gitCredentials }] : []),
  ];
}

/** Tells programs where the credentials are; only those that are mounted. */
export function credentialEnv(mounts: readonly Mount[]): EnvVar[] {
  const docker = mounts.find(({ name }) => name === buildVolumes.dockerCredentials);
  const git = mounts.find(({ name }) => name === buildVolumes.gitCredentials);
  return [
    ...(docker === undefined ? [] : [{ name: "DOCKER_CONFIG", value: docker.mountPath }]),
    ...(git === undefined ? [] : [{ name: "GIT_CONFIG_GLOBAL", value: posix.join(git.mountPath, ".gitconfig") }]),
  ];
}

/** Runtimes want an absolute one; below the workspace is what people mean. */
function workingDirOf(workingDir = ""): string {
  return posix.resolve(buildPaths.workspace, workingDir);
}

function isAt({ mountPath }: Mount, path: string): boolean {
  return posix.resolve("/", mountPath) === path;
}

/** Whether a step asks for registry or git credentials by mounting their volume. */
export function asksForCredentials({ volumeMounts = [] }: Step | SourceContainer): boolean {
  const volumes: readonly string[] = [buildVolumes.dockerCredentials, buildVolumes.gitCredentials];
  return volumeMounts.some(({ name }) => volumes.includes(name));
}
