import { OciError } from "./errors.ts";
import type { Descriptor, ImageIndex, Platform } from "./manifest.ts";

/** The platform of this machine, as containers on it see it. */
export function localPlatform(): Platform {
  const architectures: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };
  return { os: "linux", architecture: architectures[process.arch] ?? process.arch };
}

/**
 * Picks the manifest for a platform out of an index: os and architecture must be the same, and the variant where both name
 * one. The first that fits wins.
 *
 * @throws OciError `NotFound` naming the platforms there are.
 */
export function pickPlatform(index: ImageIndex, wanted: Platform): Descriptor {
  const found = index.manifests.find(({ platform }) => platform !== undefined && fits(platform, wanted));
  // An index of one image that says nothing of platforms is what some builders push.
  const only =
    index.manifests.length === 1 && index.manifests[0]?.platform === undefined ? index.manifests[0] : undefined;
  const picked = found ?? only;
  if (picked !== undefined) return picked;
  const offered = index.manifests.flatMap(({ platform }) => (platform === undefined ? [] : [formatPlatform(platform)]));
  throw new OciError(
    "NotFound",
    `the image is not there for ${formatPlatform(wanted)}; it is for ${offered.length === 0 ? "none" : offered.join(", ")}`,
  );
}

function fits(offered: Platform, wanted: Platform): boolean {
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return false;
  return (
    variantOf(offered) === undefined || variantOf(wanted) === undefined || variantOf(offered) === variantOf(wanted)
  );
}

function variantOf({ architecture, variant }: Platform): string | undefined {
  return variant ?? (architecture === "arm64" ? "v8" : undefined);
}

function formatPlatform({ os, architecture, variant }: Platform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}
