import type { ImageRule } from "./kustomization.ts";
import { isFields } from "./manifest.ts";

/** Rewrites the images of all containers below `value`, in place. */
export function setImages(value: unknown, rules: readonly ImageRule[]): void {
  if (Array.isArray(value)) {
    for (const item of value) setImages(item, rules);
    return;
  }
  if (!isFields(value)) return;
  for (const [field, child] of Object.entries(value)) {
    if ((field === "containers" || field === "initContainers") && Array.isArray(child))
      setContainerImages(child, rules);
    else setImages(child, rules);
  }
}

function setContainerImages(containers: readonly unknown[], rules: readonly ImageRule[]): void {
  for (const container of containers) {
    if (!isFields(container) || typeof container.image !== "string") continue;
    for (const rule of rules) container.image = rewriteImage(container.image as string, rule);
  }
}

/** `name` is matched without tag and digest; a new digest or tag replaces either. */
export function rewriteImage(image: string, rule: ImageRule): string {
  const [, name = "", suffix = ""] = /^(.*?)((?::[^/:@]+)?(?:@.*)?)$/.exec(image) ?? [];
  if (name !== rule.name) return image;
  const version =
    rule.digest !== undefined ? `@${rule.digest}` : rule.newTag !== undefined ? `:${rule.newTag}` : suffix;
  return `${rule.newName ?? name}${version}`;
}
