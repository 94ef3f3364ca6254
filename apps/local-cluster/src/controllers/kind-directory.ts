import { CustomResourceDefinition, type Informer, type Kind } from "@kelvin/kube";

/** All kinds that the API server serves at the moment, each once, in its storage version. */
export interface KindDirectory {
  all(): readonly Kind[];
  /** By what owner references carry; any served version will do. `undefined` when no such kind is known. */
  find(apiVersion: string, kindName: string): Kind | undefined;
  /** Called after kinds came or went. Returns the unsubscriber. */
  onChange(listener: () => void): () => void;
  readonly synced: Promise<void>;
}

/** The built-in kinds, and those of the CustomResourceDefinitions as they come and go. */
export function openKindDirectory(
  builtIn: readonly Kind[],
  definitions: Informer<CustomResourceDefinition>,
): KindDirectory {
  const custom = (): Kind[] => definitions.list().filter(isEstablished).flatMap(storedKind);
  return {
    all: () => [...builtIn, ...custom()],
    find: (apiVersion, kindName) => {
      const [version = "", group = ""] = apiVersion.split("/").reverse();
      const matches = (kind: Kind): boolean => kind.kind === kindName && kind.group === group;
      const found = builtIn.find((kind) => matches(kind) && kind.version === version);
      return (
        found ??
        definitions
          .list()
          .flatMap(servedKinds)
          .find((kind) => matches(kind) && kind.version === version)
      );
    },
    onChange: (listener) => definitions.onChange(listener),
    synced: definitions.synced,
  };
}

function isEstablished({ status }: CustomResourceDefinition): boolean {
  return status?.conditions?.some(({ type, status: value }) => type === "Established" && value === "True") ?? false;
}

function storedKind(definition: CustomResourceDefinition): Kind[] {
  const { versions } = definition.spec;
  const version = versions.find(({ storage, served }) => storage && served) ?? versions.find(({ served }) => served);
  return version === undefined ? [] : [kindOf(definition, version.name)];
}

function servedKinds(definition: CustomResourceDefinition): Kind[] {
  return definition.spec.versions.filter(({ served }) => served).map(({ name }) => kindOf(definition, name));
}

function kindOf({ spec }: CustomResourceDefinition, version: string): Kind {
  const { group, names, scope } = spec;
  return { group, version, kind: names.kind, plural: names.plural, namespaced: scope === "Namespaced" };
}
