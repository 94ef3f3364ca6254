import { type Fields, isFields } from "./manifest.ts";

/** Lists of built-in kinds that are merged element by element, and the field that tells their elements apart. */
const mergeKeys: Record<string, string> = {
  containers: "name",
  initContainers: "name",
  env: "name",
  volumes: "name",
  volumeMounts: "mountPath",
  imagePullSecrets: "name",
  tolerations: "key",
};

/**
 * Merges a patch into an object: mappings field by field, null removes, known lists by their key, other lists whole.
 * `$patch: delete` removes an element of a list and `$patch: replace` replaces a mapping.
 */
export function mergeStrategically(target: Fields, patch: Fields): Fields {
  if (patch.$patch === "replace") return withoutDirective(patch);
  const merged: Fields = { ...target };
  for (const [field, value] of Object.entries(patch)) {
    if (field === "$patch") continue;
    if (value === null) delete merged[field];
    else merged[field] = mergeValue(field, merged[field], value);
  }
  return merged;
}

function mergeValue(field: string, target: unknown, patch: unknown): unknown {
  if (isFields(patch)) return mergeStrategically(isFields(target) ? target : {}, patch);
  if (Array.isArray(patch) && Array.isArray(target)) return mergeList(field, target, patch);
  return structuredClone(patch);
}

function mergeList(field: string, target: readonly unknown[], patch: readonly unknown[]): unknown[] {
  const key = field === "ports" ? portKey(patch) : mergeKeys[field];
  if (key === undefined || !patch.every(isFields)) return structuredClone([...patch]);
  const isSame = (left: unknown, right: unknown): boolean =>
    isFields(left) && isFields(right) && left[key] === right[key];
  // What the patch names comes first, in its order, as kustomize has it.
  const named = patch
    .filter((element) => element.$patch !== "delete")
    .map((element) =>
      mergeValue(
        field,
        target.find((other) => isSame(other, element)),
        element,
      ),
    );
  const others = target.filter((element) => !patch.some((other) => isSame(other, element)));
  return [...named, ...others];
}

/** Ports of containers and of Services are told apart by different fields. */
function portKey(ports: readonly unknown[]): string {
  return ports.some((port) => isFields(port) && "containerPort" in port) ? "containerPort" : "port";
}

function withoutDirective({ $patch: _directive, ...rest }: Fields): Fields {
  return structuredClone(rest);
}
