import { type Clock, ConfigMap, type KubeClient, openInformer, type Pod, Secret } from "@kelvin/kube";

/** What the files in a Pod's volumes are made from. */
export interface VolumeSources {
  readonly configMaps: ReadonlySet<string>;
  readonly secrets: ReadonlySet<string>;
  /** The Pod's own labels and annotations. */
  readonly usesPod: boolean;
}

export function volumeSourcesOf(pod: Pod): VolumeSources {
  const volumes = pod.spec?.volumes ?? [];
  const projected = volumes.flatMap((volume) => volume.projected?.sources ?? []);
  const names = (all: (string | undefined)[]): Set<string> => new Set(all.filter((name) => name !== undefined));
  return {
    configMaps: names([...volumes, ...projected].map(({ configMap }) => configMap?.name)),
    secrets: names([
      ...volumes.map(({ secret }) => secret?.secretName),
      ...projected.map(({ secret }) => secret?.name),
    ]),
    usesPod: [...volumes, ...projected].some(({ downwardAPI }) => downwardAPI !== undefined),
  };
}

interface Follower {
  readonly pod: Pod;
  refreshVolumes(): void;
}

export interface SourceOptions {
  readonly kube: KubeClient;
  readonly clock: Clock;
  readonly onError: (error: Error) => void;
}

/** Tells workers when a ConfigMap or Secret changes that a volume of theirs is made from. */
export function followVolumeSources(
  workers: { values(): Iterable<Follower> },
  { kube, clock, onError }: SourceOptions,
): { close(): Promise<void> } {
  // Only the fact of a change is needed; the content is read when the files are written.
  const transform = <T extends ConfigMap | Secret>({ apiVersion, kind, metadata }: T): T =>
    ({ apiVersion, kind, metadata }) as T;
  const configMaps = openInformer(kube, ConfigMap, { clock, onError, transform });
  const secrets = openInformer(kube, Secret, { clock, onError, transform });

  function tell(kind: "configMaps" | "secrets", { name = "", namespace }: Pod["metadata"]): void {
    for (const worker of workers.values()) {
      const isTheirs = worker.pod.metadata.namespace === namespace && volumeSourcesOf(worker.pod)[kind].has(name);
      if (isTheirs) worker.refreshVolumes();
    }
  }

  configMaps.onChange(({ before, after }) => {
    const metadata = (after ?? before)?.metadata;
    if (metadata !== undefined) tell("configMaps", metadata);
  });
  secrets.onChange(({ before, after }) => {
    const metadata = (after ?? before)?.metadata;
    if (metadata !== undefined) tell("secrets", metadata);
  });
  return {
    async close() {
      await Promise.all([configMaps.close(), secrets.close()]);
    },
  };
}
