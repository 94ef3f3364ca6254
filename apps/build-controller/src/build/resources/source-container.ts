import { posix } from "node:path";
import { buildPaths, buildVolumes, type BuildConfig, type Source } from "@kelvin/api/build/v1alpha1";
import { sourceName } from "./names.ts";
import type { Container, Mount } from "./pod-types.ts";
import { credentialEnv } from "./step-container.ts";

/** The arguments with which build-steps fetches a source, or undefined for a custom source or one that is none. */
export function fetchArgs(source: Source, index: number, config: BuildConfig): string[] | undefined {
  const args = kindArgs(source, config);
  if (args === undefined) return undefined;
  const target = `--target=${posix.join(buildPaths.workspace, source.targetPath ?? "")}`;
  const name = `--name=${sourceName(source.name, index)}`;
  return [...args, name, ...given("sub-path", source.subPath), target, ...limitArgs(config)];
}

function kindArgs({ git, gcs, archive, image }: Source, { gcsEndpoint }: BuildConfig): string[] | undefined {
  if (git !== undefined) return gitArgs(git);
  if (gcs !== undefined) {
    const { type = "Archive", location = "" } = gcs;
    return ["fetch-archive", `--url=${location}`, `--type=${type}`, `--endpoint=${gcsEndpoint}`];
  }
  if (archive !== undefined) return ["fetch-archive", `--url=${archive.url ?? ""}`, ...given("sha256", archive.sha256)];
  return image === undefined ? undefined : ["fetch-image", `--image=${image.reference ?? ""}`];
}

function gitArgs(git: NonNullable<Source["git"]>): string[] {
  const { url = "", revision = "", depth = 1, submodules = false } = git;
  return [
    "fetch-git",
    `--url=${url}`,
    `--revision=${revision}`,
    `--depth=${depth}`,
    ...(submodules ? ["--submodules"] : []),
  ];
}

function given(flag: string, value = ""): string[] {
  return value === "" ? [] : [`--${flag}=${value}`];
}

function limitArgs({ sourceBytesMax, sourceFilesMax }: BuildConfig): string[] {
  return [`--max-bytes=${sourceBytesMax}`, `--max-files=${sourceFilesMax}`];
}

/** A container of Kelvin's own, with the workspace, a home and whatever else is given. */
export function makeOwnContainer(
  name: string,
  args: readonly string[],
  { config, mounts = [] }: { readonly config: BuildConfig; readonly mounts?: readonly Mount[] },
): Container {
  const all = [
    { name: buildVolumes.workspace, mountPath: buildPaths.workspace },
    { name: buildVolumes.home, mountPath: buildPaths.home },
    ...mounts,
  ];
  return {
    name,
    image: config.stepsImage,
    args: [...args],
    // No working directory: the image starts in its own, and is told paths from the root.
    env: [{ name: "HOME", value: buildPaths.home }, ...credentialEnv(mounts)],
    volumeMounts: all,
    securityContext: { allowPrivilegeEscalation: false },
  };
}

/** Which credentials a source of Kelvin's kinds needs. */
export function sourceMounts({ git, image }: Source): Mount[] {
  if (git !== undefined) return [{ name: buildVolumes.gitCredentials, mountPath: buildPaths.gitCredentials }];
  return image === undefined ? [] : [{ name: buildVolumes.dockerCredentials, mountPath: buildPaths.dockerCredentials }];
}
