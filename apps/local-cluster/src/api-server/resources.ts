import type { Resource } from "./resource.ts";

/** All that is served at the moment: the built-in kinds, then those of CustomResourceDefinitions as they come and go. */
export interface Resources {
  find(group: string, version: string, plural: string): Resource | undefined;
  findKind(group: string, version: string, kind: string): Resource | undefined;
  /** In the order of discovery. */
  all(): readonly Resource[];
  /** Replaces what one CRD serves; an empty list withdraws it. */
  setCustom(crdName: string, served: readonly Resource[]): void;
  /** Rises with each change; discovery and OpenAPI documents are made once per value. */
  readonly revision: number;
}

export function makeResources(builtIn: readonly Resource[]): Resources {
  const custom = new Map<string, readonly Resource[]>();
  let all: readonly Resource[] = builtIn;
  let byPath = indexByPath(all);
  let revision = 1;
  return {
    get revision() {
      return revision;
    },
    find: (group, version, plural) => byPath.get(`${group}/${version}/${plural}`),
    findKind: (group, version, kind) =>
      all.find((resource) => resource.group === group && resource.version === version && resource.kind === kind),
    all: () => all,
    setCustom(crdName, served) {
      if (served.length === 0) custom.delete(crdName);
      else custom.set(crdName, served);
      all = [...builtIn, ...[...custom.values()].flat()];
      byPath = indexByPath(all);
      revision += 1;
    },
  };
}

function indexByPath(resources: readonly Resource[]): Map<string, Resource> {
  return new Map(resources.map((resource) => [`${resource.group}/${resource.version}/${resource.plural}`, resource]));
}
