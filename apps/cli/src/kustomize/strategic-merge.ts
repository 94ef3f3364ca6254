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
  const merged = [...target];
  // New elements come first, as kustomize puts them.
  const added: unknown[] = [];
  for (const element of patch) {
    const index = merged.findIndex((other) => isFields(other) && other[key] === element[key]);
    const present = merged[index];
    if (element.$patch === "delete") {
      if (index >= 0) merged.splice(index, 1);
    } else if (isFields(present)) merged[index] = mergeStrategically(present, element);
    else added.push(structuredClone(element));
  }
  return [...added, ...merged];
}

/** Ports of containers and of Services are told apart by different fields. */
function portKey(ports: readonly unknown[]): string {
  return ports.some((port) => isFields(port) && "containerPort" in port) ? "containerPort" : "port";
}

function withoutDirective({ $patch: _directive, ...rest }: Fields): Fields {
  return structuredClone(rest);
}
