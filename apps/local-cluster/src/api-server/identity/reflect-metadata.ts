// @peculiar/x509 injects its parts through tsyringe, which refuses to load without the reflect-metadata polyfill. It only ever
// reads back what it defined, so three methods over one map are enough.

const metadata = new WeakMap<object, Map<unknown, unknown>>();

function getMetadata(key: unknown, target: object): unknown {
  return metadata.get(target)?.get(key);
}

function defineMetadata(key: unknown, value: unknown, target: object): void {
  const own = metadata.get(target) ?? new Map<unknown, unknown>();
  metadata.set(target, own.set(key, value));
}

/** Adds the polyfill, unless there is one. To be called before @peculiar/x509 is imported. */
export function installReflectMetadata(): void {
  if ("getMetadata" in Reflect) return;
  Object.assign(Reflect, { getMetadata, getOwnMetadata: getMetadata, defineMetadata });
}
