import { linkSignals } from "@kelvin/kube";
import type { KubeClient } from "@kelvin/kube";

/** The same client, every call of which also ends when `signal` aborts. */
export function bindSignal(kube: KubeClient, signal: AbortSignal): KubeClient {
  const bound = async <O extends { signal?: AbortSignal }, R>(
    options: O | undefined,
    call: (options: O & { signal: AbortSignal }) => Promise<R>,
  ): Promise<R> => {
    const own = options?.signal;
    if (own === undefined) return call({ ...(options ?? ({} as O)), signal });
    const linked = linkSignals(own, signal);
    try {
      return await call({ ...(options ?? ({} as O)), signal: linked.signal });
    } finally {
      linked.unlink();
    }
  };
  return {
    get: (kind, key, options) => bound(options, (own) => kube.get(kind, key, own)),
    find: (kind, key, options) => bound(options, (own) => kube.find(kind, key, own)),
    list: (kind, options) => bound(options, (own) => kube.list(kind, own)),
    // A reconcile reads informers; should it watch, the watch ends with the signal it is given, or with the reconcile's.
    watch: (kind, options) => kube.watch(kind, { signal, ...options }),
    create: (kind, object, options) => bound(options, (own) => kube.create(kind, object, own)),
    update: (kind, object, options) => bound(options, (own) => kube.update(kind, object, own)),
    // oxlint-disable-next-line eslint/max-params -- the port says what, which, how and options
    patch: (kind, key, patch, options) => bound(options, (own) => kube.patch(kind, key, patch, own)),
    delete: (kind, key, options) => bound(options, (own) => kube.delete(kind, key, own)),
  };
}
