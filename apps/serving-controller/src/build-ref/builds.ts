import type { ObjectKey } from "@kelvin/api";
import { Build } from "@kelvin/api/build/v1alpha1";
import type { Log } from "@kelvin/controller";
import { openInformer, type Change, type Informer, type KubeClient } from "@kelvin/kube";

/** Builds, for the Configurations that name one. */
export interface Builds {
  /** The Build of this name as far as it is known; undefined too while the first list is on its way. */
  find(key: ObjectKey): Build | undefined;
  onChange(listener: (change: Change<Build>) => void): () => void;
  close(): Promise<void>;
}

/**
 * Watches Builds from the first question on: where nobody names one, the kind need not be installed, and a cluster full of
 * Builds costs nothing here. Whoever asked too early is woken when the answer comes.
 */
export function openBuilds({ kube, log }: { readonly kube: KubeClient; readonly log: Log }): Builds {
  const listeners = new Set<(change: Change<Build>) => void>();
  let informer: Informer<Build> | undefined;
  const start = (): Informer<Build> => {
    const opened = openInformer(kube, Build, {
      transform: trimBuild,
      onError: (err) => log.warn({ err, kind: Build.kind }, "Watching failed, trying again"),
    });
    // The first list is told of too, so whoever asked before it came is woken.
    opened.onChange((change) => {
      for (const listener of listeners) listener(change);
    });
    return opened;
  };
  return {
    find(key) {
      informer ??= start();
      return informer.get(key);
    },
    onChange(listener) {
      listeners.add(listener);
      return () => {
        listeners.delete(listener);
      };
    },
    async close() {
      await informer?.close();
    },
  };
}

/** How it ended and with what; its steps and their progress are nobody's business here. */
function trimBuild({ apiVersion, kind, metadata, status }: Build): Build {
  const { name, namespace, uid, resourceVersion } = metadata;
  const { conditions, image } = status ?? {};
  return {
    ...(apiVersion !== undefined && { apiVersion }),
    ...(kind !== undefined && { kind }),
    metadata: {
      ...(name !== undefined && { name }),
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(resourceVersion !== undefined && { resourceVersion }),
    },
    spec: {},
    status: { ...(conditions !== undefined && { conditions }), ...(image !== undefined && { image }) },
  };
}
