import type { KubeClient } from "@kelvin/kube";

/** The same client, every call of which also ends when `signal` aborts. */
export function bindSignal(kube: KubeClient, signal: AbortSignal): KubeClient {
  const bound = <O extends { signal?: AbortSignal }>(options: O | undefined): O & { signal: AbortSignal } => {
    const own = options?.signal;
    const merged = own === undefined ? signal : AbortSignal.any([own, signal]);
    return { ...(options ?? ({} as O)), signal: merged };
  };
  return {
    get: (kind, key, options) => kube.get(kind, key, bound(options)),
    find: (kind, key, options) => kube.find(kind, key, bound(options)),
    list: (kind, options) => kube.list(kind, bound(options)),
    watch: (kind, options) => kube.watch(kind, bound(options)),
    create: (kind, object, options) => kube.create(kind, object, bound(options)),
    update: (kind, object, options) => kube.update(kind, object, bound(options)),
    // oxlint-disable-next-line eslint/max-params -- the port says what, which, how and options
    patch: (kind, key, patch, options) => kube.patch(kind, key, patch, bound(options)),
    delete: (kind, key, options) => kube.delete(kind, key, bound(options)),
  };
}
